from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from rppgbench.errors import MediaError
from rppgbench.media.container import open_container
from rppgbench.media.decode import TruncatedVideo, _FrameClock, frames, probe


def test_probe_reads_the_metadata_that_was_written(write_video):
    info = probe(write_video("video.mp4", codec="libx264", stamps=range(45), tags=(6, 1)))
    assert (info.codec, info.pix_fmt, info.width, info.height, info.n_frames) == ("h264", "yuv420p", 64, 48, 45)
    assert info.fps_hz == pytest.approx(30)
    assert info.duration_s == pytest.approx(1.5)
    assert (info.color_matrix, info.color_range, info.color_assumed) == ("bt601", "limited", False)


@pytest.mark.parametrize("name", ["video.mp4", "video.mkv", "video.avi"])
def test_bitrate_is_that_of_the_packets(write_video, name):
    path = write_video(name, codec="mpeg4", stamps=range(30))
    with av.open(str(path)) as container:
        payload_bytes = sum(packet.size for packet in container.demux(video=0))
    assert probe(path).bitrate_bps == pytest.approx(8 * payload_bytes / 1.0, rel=0.002)  # mkv rounds times to ms


@pytest.mark.parametrize(
    ("time_base", "name"),
    [
        (Fraction(1, 15), "15.mkv"),
        (Fraction(1, 20), "20.avi"),
        (Fraction(1001, 30000), "2997.mp4"),
        (Fraction(1, 60), "60.mp4"),
        (Fraction(1, 61), "61.mp4"),
    ],
)
def test_times_follow_the_frame_rate(write_video, time_base, name):
    path = write_video(name, codec="mpeg4", time_base=time_base)
    times_s = [frame.time_s for frame in frames(path)]
    np.testing.assert_allclose(times_s, np.arange(12) * float(time_base), atol=1e-3)  # mkv rounds times to ms
    assert probe(path).fps_hz == pytest.approx(float(1 / time_base), rel=2e-3)


def test_variable_frame_rate_is_honoured_and_the_first_frame_is_at_zero(write_video):
    stamps = [500, 533, 567, 700, 733, 1400, 1433]
    path = write_video(stamps=stamps, time_base=Fraction(1, 1000))
    read = list(frames(path))
    np.testing.assert_allclose([frame.time_s for frame in read], (np.array(stamps) - 500) / 1000, atol=1e-9)
    assert [frame.index for frame in read] == list(range(7))


def test_frames_with_b_frames_come_in_the_order_shown(write_video):
    path = write_video("b.mp4", codec="libx264", stamps=range(30), picture=None)
    levels = [int(frame.luma()[40, 40]) for frame in frames(path)]
    assert all(later > earlier for earlier, later in pairwise(levels))
    np.testing.assert_allclose([frame.time_s for frame in frames(path)], np.arange(30) / 30, atol=1e-9)


def test_missing_timestamps_count_as_one_period(write_video, tmp_path):
    # A bare H.264 stream holds no times; libavformat takes it for 25 frames a second.
    path = write_video("bare.h264", codec="libx264", stamps=range(8), time_base=Fraction(1, 25))
    np.testing.assert_allclose([frame.time_s for frame in frames(path)], np.arange(8) / 25, atol=1e-9)


def test_a_timestamp_that_does_not_advance_counts_as_one_period(write_video):
    with open_container(write_video(stamps=range(4))) as (_, stream):
        clock = _FrameClock(stream)
    times_s = []
    for stamp in (0, 33, 33, 20, 200):
        picture = av.VideoFrame(64, 48, "yuv420p")
        picture.pts, picture.time_base = stamp, Fraction(1, 1000)
        times_s.append(clock.tick(picture))
    np.testing.assert_allclose(times_s, [0, 0.033, 0.033 + 1 / 30, 0.033 + 2 / 30, 0.2])


@pytest.mark.parametrize(
    ("turned_deg", "clockwise_deg", "corner"),
    # Counter-clockwise by 90 degrees the left upper corner goes to the left lower one.
    [(0, 0, (0, 0)), (90, 270, (-1, 0)), (-90, 90, (0, -1)), (180, 180, (-1, -1))],
)
@pytest.mark.parametrize("codec", ["mpeg4", "libx264rgb"])
def test_sideways_videos_come_upright(write_video, turned_deg, clockwise_deg, corner, codec):
    path = write_video(
        "phone.mp4", codec=codec, pix_fmt="rgb24" if codec == "libx264rgb" else "yuv420p", turned_deg=turned_deg
    )
    info = probe(path)
    sideways = turned_deg in (90, -90)
    assert info.rotation_deg == clockwise_deg
    assert (info.width, info.height) == ((48, 64) if sideways else (64, 48))
    frame = next(frames(path))
    assert frame.rgb().shape == (info.height, info.width, 3)
    assert frame.luma().shape == (info.height, info.width)
    for row, column in [(0, 0), (0, -1), (-1, 0), (-1, -1)]:
        bright = (row, column) == corner
        assert (int(frame.luma()[row, column]) > 150) == bright
        assert (int(frame.rgb()[row, column, 1]) > 150) == bright


def test_thread_count_changes_no_bit(write_video):
    path = write_video("threads.mp4", codec="libx264", stamps=range(20), size=(320, 240))
    one = [frame.rgb() for frame in frames(path)]
    four = [frame.rgb() for frame in frames(path, threads=4)]
    np.testing.assert_array_equal(one, four)


def test_missing_file_names_the_near_one(write_video):
    path = write_video("subject01.mkv")
    with pytest.raises(MediaError, match=r"did you mean .*subject01\.mkv"):
        probe(path.with_name("subject1.mkv"))


def test_empty_text_still_and_audio_files_are_refused(tmp_path, audio_only):
    empty, text, still = tmp_path / "empty.mp4", tmp_path / "notes.txt", tmp_path / "still.png"
    empty.touch()
    text.write_text("time_s,bvp\n0.0,1.0\n" * 200)
    with av.open(str(still), "w") as container:
        stream = container.add_stream("png", rate=1, width=16, height=16, pix_fmt="rgb24")
        container.mux(stream.encode(av.VideoFrame(16, 16, "rgb24")))
        container.mux(stream.encode(None))
    for path, why in [(empty, "0 bytes"), (text, "text|not a video"), (still, "still"), (audio_only, "found: audio")]:
        for use in (probe, lambda path: list(frames(path))):
            with pytest.raises(MediaError, match=why) as caught:
                use(path)
            assert caught.value.hint


@pytest.mark.parametrize("name", ["cut.avi", "cut.mkv", "cut.mp4"])
def test_truncated_video_says_how_much_could_be_read(write_video, tmp_path, name):
    whole = write_video(f"whole-{name}", codec="mpeg4", stamps=range(90), size=(160, 120))
    if name.endswith("mp4"):  # with its index at the end nothing could be read at all
        whole = _index_first(whole, tmp_path / "index-first.mp4")
    cut = tmp_path / name
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * 0.6)])
    indices = []
    with pytest.raises(TruncatedVideo, match=r"of 3\.0 s .* nothing after that is used") as caught:
        indices.extend(frame.index for frame in frames(cut))
    assert 20 < len(indices) < 80
    assert caught.value.read_s == pytest.approx(len(indices) / 30, abs=0.01)
    assert caught.value.announced_s == pytest.approx(3.0, abs=0.05)
    assert probe(cut).duration_s == pytest.approx(3.0, abs=0.05)


def test_mp4_without_its_index_is_refused(write_video, tmp_path):
    whole = write_video("whole.mp4", codec="mpeg4")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:-400])
    with pytest.raises(MediaError, match="not a video that can be opened") as caught:
        probe(cut)
    assert "cut off" in str(caught.value)


def test_sizes_that_change_on_the_way_are_refused(write_video, tmp_path):
    small = write_video("a.h264", codec="libx264", size=(64, 48))
    large = write_video("b.h264", codec="libx264", size=(96, 64))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(MediaError, match="change from 64x48 to 96x64 at frame 12"):
        list(frames(both))


def _index_first(path, target):
    with av.open(str(path)) as source, av.open(str(target), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return target
