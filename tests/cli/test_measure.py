"""The command ``measure``: output, exit codes, errors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result

from rppgbench.cli.measure_command import measure


@pytest.fixture(scope="module")
def skin_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine seconds of skin with a strong pulse at 84 bpm, filling the frame."""
    rng = np.random.RandomState(0)
    path = tmp_path_factory.mktemp("cli") / "skin.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("utvideo", rate=20)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "gbrp"
        for t in np.arange(180) / 20:
            colour = np.array([190, 135, 105]) + 1.5 * np.sin(2 * np.pi * 1.4 * t) * np.array([0.33, 0.77, 0.53])
            picture = np.rint(rng.normal(colour, 2, (48, 64, 3))).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def call(*args: object) -> Result:
    return CliRunner().invoke(measure, [str(arg) for arg in args])


def test_a_rate_on_standard_output(skin_video: Path) -> None:
    result = call(skin_video, "--roi", "full")
    assert result.exit_code == 0
    found = re.search(r"heart rate: ([\d.]+) bpm \(1 of 1 windows reliable\)", result.stdout)
    assert found is not None
    # Nine seconds resolve 7 bpm; a clear peak is placed within a small part of that.
    assert float(found[1]) == pytest.approx(84, abs=1)
    assert "utvideo in avi, 64 x 48, 20 frames/s" in result.stdout


@pytest.mark.parametrize("method", ["green", "chrom", "pos"])
def test_every_classical_method_measures(skin_video: Path, method: str) -> None:
    document = json.loads(call(skin_video, "--roi", "full", "--method", method, "--json").stdout)
    assert document["schema"] == 1
    assert document["videos"][0]["windows"][0]["spectrum_bpm"] == pytest.approx(84, abs=1)


def test_no_face_saves_a_frame_and_offers_the_whole(
    skin_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(skin_video)
    assert result.exit_code == 2
    assert "no face in any of" in result.stderr
    assert "skin-no-face.png" in result.stderr and "--roi full" in result.stderr
    assert (tmp_path / "skin-no-face.png").stat().st_size > 100


def test_one_bad_file_does_not_stop_the_others(skin_video: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a video\n" * 50, encoding="utf-8")
    result = call(text, tmp_path / "missing.mp4", skin_video, "--roi", "full", "--json")
    assert result.exit_code == 3
    assert [video["status"] for video in json.loads(result.stdout)["videos"]] == ["failed", "failed", "measured"]
    assert "notes.txt" in result.stderr and "missing.mp4: no such file" in result.stderr


def test_sound_alone_and_a_short_video_are_errors(tmp_path: Path) -> None:
    sound = tmp_path / "voice.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    short = tmp_path / "short.avi"
    with av.open(str(short), "w") as container:
        video = container.add_stream("utvideo", rate=20)
        video.height, video.width, video.pix_fmt = 48, 64, "gbrp"
        for _ in range(60):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")))
        container.mux(video.encode())
    result = call(sound, short, "--roi", "full")
    assert result.exit_code == 2
    assert "voice.wav: holds no video stream" in result.stderr
    assert "short.avi: 3.0 s long, expected at least 8 s" in result.stderr


def test_csv_and_plots_of_several_files(skin_video: Path, tmp_path: Path) -> None:
    table = tmp_path / "all.csv"
    result = call(skin_video, skin_video, "--roi", "full", "--csv", table, "--plot", tmp_path / "out.png")
    assert result.exit_code == 0
    assert len(table.read_text(encoding="utf-8").splitlines()) == 3
    assert (tmp_path / "out-1.png").exists() and (tmp_path / "out-2.png").exists()


def test_an_unknown_method_names_the_near_one(skin_video: Path) -> None:
    result = call(skin_video, "--method", "poss")
    assert "poss" in str(result.exception) and "pos" in str(getattr(result.exception, "hint", ""))


def test_nothing_heavy_is_imported(skin_video: Path) -> None:
    """Neither torch nor SciPy's signal package, pandas, scikit-image or matplotlib: each costs more than the video."""
    program = (
        "import sys; from click.testing import CliRunner; from rppgbench.cli.measure_command import measure;"
        f"result = CliRunner().invoke(measure, [{str(skin_video)!r}, '--roi', 'full']);"
        "assert result.exit_code == 0, result.output;"
        "print(sorted(set(sys.modules) & {'torch', 'scipy.signal', 'pandas', 'skimage', 'matplotlib', 'dask'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
