from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from rppgbench.errors import EncodingError
from rppgbench.registry import load_registry
from rppgbench_ffmpeg.alignment import Alignment, neighbourhoods
from rppgbench_ffmpeg.codecs import X264, Lossless
from rppgbench_ffmpeg.pictures import Pictures, pictures_of
from rppgbench_ffmpeg.verification import check_lossless, verified_psnr_db

RATE = Fraction(30)


@pytest.fixture
def stream(record, tmp_path):
    """A source's pictures, and their bitstream."""
    source, target = record(), tmp_path / "out.mp4"
    X264(bitrate_kbps=100, preset="veryfast").encode(source, target, 30.0)
    return list(Pictures(source, "yuv420p")), target


def test_stream_in_place_passes(stream):
    pictures, target = stream
    assert 25 < verified_psnr_db(target, pictures, 40, RATE) < 60


@pytest.mark.parametrize(("lag", "said"), [(1, "1 earlier"), (2, "2 earlier"), (-1, "1 later"), (-2, "2 later")])
def test_shifted_stream_is_caught(stream, lag, said):
    # The source moved by `lag` against its bitstream, as if the encoder had begun late or early.
    pictures, target = stream
    shifted = pictures[lag:] + pictures[-1:] * lag if lag > 0 else pictures[:1] * -lag + pictures[:lag]
    with pytest.raises(EncodingError, match=said):
        verified_psnr_db(target, shifted, 40, RATE)


def test_lost_and_added_frames_are_caught(stream):
    pictures, target = stream
    with pytest.raises(EncodingError, match="40 frames, expected the 41"):
        verified_psnr_db(target, [*pictures, pictures[-1]], 41, RATE)
    with pytest.raises(EncodingError, match="more frames than the 39"):
        verified_psnr_db(target, pictures[:39], 39, RATE)


def test_wrong_timestamps_are_caught(stream):
    pictures, target = stream
    with pytest.raises(EncodingError, match="frame 2 is shown at"):
        verified_psnr_db(target, pictures, 40, RATE * Fraction(103, 100))


def test_one_wrong_sample_is_not_lossless(record, tmp_path):
    source, target = record(4), tmp_path / "out.avi"
    Lossless().encode(source, target, 30.0)
    pictures = list(Pictures(source, "gbrp"))
    check_lossless(target, pictures)
    plane = pictures[2].planes[1]
    data = bytearray(bytes(plane))
    data[0] ^= 1
    plane.update(bytes(data))
    with pytest.raises(EncodingError, match="frame 2 differs"):
        check_lossless(target, pictures)


@pytest.mark.parametrize("codec", ["mpeg4", "x264"])
def test_a_change_that_is_held_back_is_no_other_place(tmp_path, codec):
    """A picture that keeps still but for a pulse of 3 levels at 60 frames/s: encoders code it every few frames."""
    y, x = np.mgrid[:240, :320]
    ground = np.stack([120 + 60 * np.sin(x / 17 + y / 23), 110 + 50 * np.cos(x / 31 - y / 13), 100 + x / 8], -1)
    source = tmp_path / "still.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=60)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "bgr0"
        for index in range(120):
            picture = (
                np.rint(ground + np.array([0, 3 * np.sin(2 * np.pi * 1.2 * index / 60), 0]))
                .clip(0, 255)
                .astype(np.uint8)
            )
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0")))
        container.mux(stream.encode())
    encoder = load_registry().create("codec", codec, {"bitrate_kbps": 125})
    assert encoder.encode(source, tmp_path / "still.mp4", 60.0).n_frames == 120


def test_still_pictures_show_no_lag():
    alignment, still = Alignment(), np.full((8, 8), 7, np.uint8)
    for index, (here, lumas) in enumerate(neighbourhoods([still] * 9)):
        alignment.add(index, still, here, lumas)
    assert alignment.misplaced_by() is None


def test_neighbourhoods_hold_two_on_each_side():
    lumas = [np.full((1, 1), value, np.uint8) for value in range(6)]
    found = [(int(here[0, 0]), [int(luma[0, 0]) for luma in around]) for here, around in neighbourhoods(lumas)]
    assert found == [
        (0, [1, 2]),
        (1, [0, 2, 3]),
        (2, [0, 1, 3, 4]),
        (3, [1, 2, 4, 5]),
        (4, [2, 3, 5]),
        (5, [3, 4]),
    ]


def test_last_pictures_are_kept_until_the_file_changes(record):
    source = record(4)
    first = pictures_of(source, "yuv420p")
    assert pictures_of(source, "yuv420p") is first
    record(5)
    second = pictures_of(source, "yuv420p")
    assert second is not first
    assert second.n_frames == 5
    assert pictures_of(source, "gbrp").pix_fmt == "gbrp"
