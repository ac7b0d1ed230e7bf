"""Rate, length, codec and bitrate by a video's header."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import MediaError
from rppgbench.testing.rendered_cohort import write_video
from rppgbench_datasets.header import read_header

PICTURES = [np.full((32, 48, 3), 40 + 5 * i, np.uint8) for i in range(20)]


@pytest.mark.parametrize(
    ("name", "encoder", "pix_fmt", "source"),
    [
        ("a.avi", "rawvideo", "yuv420p", "raw"),
        ("b.mkv", "ffv1", "bgr0", "lossless"),
        ("c.avi", "utvideo", "gbrp", "lossless"),
        ("d.avi", "mjpeg", "yuvj420p", "lossy"),
        ("e.mp4", "libx264", "yuv420p", "lossy"),
    ],
)
def test_rate_length_and_origin(tmp_path, name, encoder, pix_fmt, source):
    write_video(PICTURES, tmp_path / name, 25.0, encoder=encoder, pix_fmt=pix_fmt)
    header = read_header(tmp_path / name)
    assert (header.fps_hz, header.source) == (25.0, source)
    assert header.duration_s == pytest.approx(20 / 25)
    assert header.frame_size == (48, 32)
    assert header.source_details.startswith(header.codec)
    assert header.n_frames == (0 if name.endswith(".mkv") else 20)  # Matroska does not count them


def test_raw_pictures_have_the_bitrate_of_their_bytes(tmp_path):
    write_video(PICTURES, tmp_path / "a.avi", 25.0, encoder="rawvideo", pix_fmt="yuv420p")
    assert read_header(tmp_path / "a.avi").bitrate_bps == pytest.approx(48 * 32 * 12 * 25, rel=0.25)  # 4:2:0, 8 bits


def test_a_file_that_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.avi").write_bytes(b"RIFF")
    with pytest.raises(MediaError, match=r"a\.avi"):
        read_header(tmp_path / "a.avi")
