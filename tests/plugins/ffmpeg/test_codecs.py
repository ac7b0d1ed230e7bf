from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import av
import numpy as np
import pytest
from pydantic import ValidationError

from rppgbench.contracts import CodecSpec
from rppgbench.errors import EncodingError, MediaError
from rppgbench.media.decode import frames, probe
from rppgbench_ffmpeg import pictures, rppgbench_codecs
from rppgbench_ffmpeg.codecs import X264, X265, Lossless, Mpeg4, Original

LOSSY = {
    "mpeg4": lambda **params: Mpeg4(**{"bitrate_kbps": 150, **params}),
    "x264": lambda **params: X264(**{"bitrate_kbps": 100, "preset": "veryfast", **params}),
    "x265": lambda **params: X265(**{"bitrate_kbps": 100, "preset": "ultrafast", **params}),
}
ALL = {**LOSSY, "lossless": lambda **params: Lossless(**params)}


def digest(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def encode_with_dirty_memory(codec, source, target) -> None:
    """Encode in another process, in which memory that an encoder forgot to set is not zero (with the GNU C library)."""
    code = (
        "import sys; from pathlib import Path; from rppgbench_ffmpeg import codecs; "
        f"codecs.{type(codec).__name__}(**{codec.params.model_dump()!r})"
        ".encode(Path(sys.argv[1]), Path(sys.argv[2]), 30.0)"
    )
    environment = {**os.environ, "MALLOC_PERTURB_": "1"}
    subprocess.run([sys.executable, "-c", code, str(source), str(target)], check=True, env=environment)


def test_specs_are_complete_and_light():
    specs = {spec.name: spec for spec in rppgbench_codecs()}
    assert set(specs) == {"mpeg4", "x264", "x265", "lossless", "original"}
    assert all(isinstance(spec, CodecSpec) and spec.summary for spec in specs.values())
    assert specs["x264"].label.format(bitrate_kbps=250.0) == "x264-250k"
    assert specs["original"].encoder is None
    code = (
        "import sys, rppgbench_ffmpeg as p; list(p.rppgbench_codecs()); print({'av', 'cv2', 'numpy'} & {*sys.modules})"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


@pytest.mark.parametrize("name", ALL)
def test_ten_encodes_and_another_process_give_the_same_bytes(record, tmp_path, name):
    source = record()
    digests = set()
    for run in range(10):
        target = tmp_path / f"{run}.bin"
        ALL[name]().encode(source, target, 30.0)
        digests.add(digest(target))
    other = tmp_path / "other.bin"
    encode_with_dirty_memory(ALL[name](), source, other)
    assert digests == {digest(other)}


@pytest.mark.parametrize("name", ["x264", "x265"])
@pytest.mark.parametrize("bitrate_kbps", [60, 250])
def test_two_passes_meet_the_rate(record, tmp_path, name, bitrate_kbps):
    source = record(150, size=(160, 120), noise=4.0)
    target = tmp_path / "out.mp4"
    encoded = LOSSY[name](bitrate_kbps=bitrate_kbps).encode(source, target, 30.0)
    assert encoded.bitrate_bps == pytest.approx(1000 * bitrate_kbps, rel=0.05)
    with av.open(str(target)) as container:
        payload_bytes = sum(packet.size for packet in container.demux(video=0))
    # The container writes some start codes with a byte more than the encoder does.
    assert encoded.bitrate_bps == pytest.approx(8 * payload_bytes / (150 / 30), rel=1e-3)
    assert encoded.target_bps == 1000 * bitrate_kbps


@pytest.mark.parametrize("name", ["x264", "x265"])
def test_one_pass_is_followed_by_a_second_only_where_it_missed(record, tmp_path, name):
    source = record(60)
    strict, lax = tmp_path / "strict.mp4", tmp_path / "lax.mp4"
    one = LOSSY[name](passes=1, tolerance=1e-6).encode(source, strict, 30.0)
    two = LOSSY[name](passes=2).encode(source, lax, 30.0)
    assert digest(strict) == digest(lax)
    assert one == two
    LOSSY[name](passes=1, tolerance=0.9).encode(source, lax, 30.0)
    assert digest(strict) != digest(lax)


@pytest.mark.parametrize("name", LOSSY)
def test_every_frame_comes_back_at_its_index(record, tmp_path, name):
    source, target = record(), tmp_path / "out.mp4"
    encoded = LOSSY[name]().encode(source, target, 30.0)
    times_s = [frame.time_s for frame in frames(target)]
    np.testing.assert_allclose(times_s, np.arange(40) / 30, atol=1e-4)
    assert encoded.n_frames == 40
    info = probe(target)
    assert (info.pix_fmt, info.width, info.height, info.color_matrix) == ("yuv420p", 96, 64, "bt601")


@pytest.mark.parametrize("name", LOSSY)
def test_key_frames_are_the_encoders_choice(record, tmp_path, name):
    # The pictures of the source are all key frames, and say so; that must not reach the encoder.
    target = tmp_path / "out.mp4"
    LOSSY[name](gop=20).encode(record(), target, 30.0)
    with av.open(str(target)) as container:
        keys = [packet.pts * packet.time_base * 30 for packet in container.demux(video=0) if packet.is_keyframe]
    assert keys == [0, 20]


@pytest.mark.parametrize("name", LOSSY)
def test_psnr_is_that_of_an_independent_computation(record, tmp_path, name):
    source, target = record(12), tmp_path / "out.mp4"
    encoded = LOSSY[name]().encode(source, target, 30.0)
    by_frame = []
    for before, after in zip(frames(source), frames(target), strict=True):
        luma = 16 + (before.rgb().astype(float) @ [0.299, 0.587, 0.114]) * 219 / 255  # BT.601, limited range
        error = after.luma().astype(float) - luma
        by_frame.append(10 * np.log10(255**2 / np.mean(error**2)))
    assert encoded.psnr_y_db == pytest.approx(np.mean(by_frame), abs=0.2)  # luma was rounded before it was encoded


def test_more_bits_are_nearer_to_the_source(record, tmp_path):
    source = record()
    for name in ("x264", "x265"):
        psnr_db = [
            LOSSY[name](bitrate_kbps=rate).encode(source, tmp_path / "out.mp4", 30.0).psnr_y_db
            for rate in (30, 100, 400)
        ]
        assert psnr_db == sorted(psnr_db)


@pytest.mark.parametrize("size", [(96, 64), (95, 63)])
def test_lossless_rgb_is_bit_exact(record, tmp_path, size):
    source, target = record(8, size=size), tmp_path / "out.avi"
    encoded = Lossless().encode(source, target, 30.0)
    assert encoded.psnr_y_db == 100
    for before, after in zip(frames(source), frames(target), strict=True):
        np.testing.assert_array_equal(after.rgb(), before.rgb())


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv422p", "yuv420p"])
def test_lossless_yuv_loses_the_conversion_alone(record, tmp_path, pix_fmt):
    source, target = record(4, noise=0.0), tmp_path / "out.avi"
    Lossless(pix_fmt=pix_fmt).encode(source, target, 30.0)
    assert probe(target).pix_fmt == pix_fmt
    for before, after in zip(frames(source), frames(target), strict=True):
        difference = after.rgb().astype(float) - before.rgb()
        assert np.abs(difference.mean(axis=(0, 1))).max() < 0.5
        if pix_fmt == "yuv444p":
            assert np.abs(difference).max() <= 2  # rounding of Y, Cb and Cr, and of R, G and B


def test_mpeg4_records_a_rate_it_cannot_reach(record, tmp_path):
    still = record(30, noise=0.0)
    encoded = Mpeg4(bitrate_kbps=5000).encode(still, tmp_path / "out.mp4", 30.0)
    assert encoded.bitrate_bps < 0.9 * 5_000_000
    assert encoded.target_bps == 5_000_000
    coarse = Mpeg4(bitrate_kbps=1).encode(still, tmp_path / "out.mp4", 30.0)
    assert coarse.bitrate_bps > 1_100
    assert probe(tmp_path / "out.mp4").n_frames == 30


def test_mpeg4_comes_within_tolerance_where_it_can(record, tmp_path):
    source = record(150, noise=4.0)
    once = Mpeg4(bitrate_kbps=50, retries=0).encode(source, tmp_path / "out.mp4", 30.0)
    assert abs(once.bitrate_bps / 50_000 - 1) > 0.05
    encoded = Mpeg4(bitrate_kbps=50).encode(source, tmp_path / "out.mp4", 30.0)
    assert encoded.bitrate_bps == pytest.approx(50_000, rel=0.05)
    assert probe(tmp_path / "out.mp4").bitrate_bps == pytest.approx(encoded.bitrate_bps, rel=0.01)


@pytest.mark.parametrize("name", ALL)
def test_variable_rate_source_is_encoded_frame_by_frame(record, tmp_path, name):
    stamps = list(np.cumsum([0, *[20, 50, 33] * 6, 33]))
    target = tmp_path / "out.bin"
    assert ALL[name]().encode(record(20, stamps=stamps), target, 29.97).n_frames == 20
    rate = 2997 / 100
    np.testing.assert_allclose([frame.time_s for frame in frames(target)], np.arange(20) / rate, atol=1e-3)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("n_frames", [1, 2])
def test_shortest_sources(record, tmp_path, name, n_frames):
    encoded = ALL[name]().encode(record(n_frames), tmp_path / "out.bin", 30.0)
    assert encoded.n_frames == n_frames == len(list(frames(tmp_path / "out.bin")))


def test_shortest_sources_do_not_hang_on_unset_memory(record, tmp_path):
    source = record(1)
    encode_with_dirty_memory(LOSSY["x265"](), source, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").n_frames == 1


@pytest.mark.parametrize("name", ["x264", "x265"])
def test_odd_sizes_say_what_to_do(record, tmp_path, name):
    source, target = record(4, size=(95, 63)), tmp_path / "out.mp4"
    with pytest.raises(EncodingError, match=r"95x63 .*even sides\n.*yuv444p"):
        LOSSY[name]().encode(source, target, 30.0)
    assert not target.exists()
    assert LOSSY[name](pix_fmt="yuv444p").encode(source, target, 30.0).n_frames == 4


def test_mpeg4_takes_odd_sizes(record, tmp_path):
    Mpeg4(bitrate_kbps=150).encode(record(4, size=(95, 63)), tmp_path / "out.mp4", 30.0)
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height) == (95, 63)


def test_failures_say_codec_rate_and_file(record, tmp_path):
    source = record(4)
    with pytest.raises(EncodingError, match=r"source\.mkv .*libx264 at 100 kb/s .*No such file or directory"):
        LOSSY["x264"]().encode(source, tmp_path / "nowhere" / "out.mp4", 30.0)
    with pytest.raises(MediaError, match="no such file"):
        LOSSY["x264"]().encode(tmp_path / "absent.mkv", tmp_path / "out.mp4", 30.0)
    with pytest.raises(EncodingError, match="frame rate of 0"):
        LOSSY["x264"]().encode(source, tmp_path / "out.mp4", 0.0)
    with pytest.raises(ValidationError, match="preset"):
        X264(bitrate_kbps=100, preset="quickest")
    with pytest.raises(EncodingError, match="encodes nothing"):
        Original().encode(source, tmp_path / "out.mp4", 30.0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_full_disk(record, tmp_path):
    target = tmp_path / "full.mp4"
    target.symlink_to("/dev/full")
    with pytest.raises(EncodingError, match="No space left") as caught:
        LOSSY["x264"]().encode(record(40), target, 30.0)
    assert "free some space" in str(caught.value)


def test_nothing_is_left_behind(record, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    source = record()
    for name, make in LOSSY.items():
        make().encode(source, tmp_path / f"{name}.mp4", 30.0)
    assert list(scratch.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"scratch", "source.mkv", "mpeg4.mp4", "x264.mp4", "x265.mp4"}


@pytest.mark.parametrize("name", LOSSY)
def test_long_recordings_are_encoded_without_being_held(record, tmp_path, monkeypatch, name):
    source = record()
    held, streamed = tmp_path / "held.mp4", tmp_path / "streamed.mp4"
    LOSSY[name]().encode(source, held, 30.0)
    from rppgbench_ffmpeg import codecs

    def streaming(path, fmt, part):
        return pictures.Pictures(path, fmt, part=part, held_bytes=0)

    monkeypatch.setattr(codecs, "pictures_of", streaming)
    LOSSY[name]().encode(source, streamed, 30.0)
    assert digest(held) == digest(streamed)
