"""The commands ``data`` as a user meets them, on a small copy of UBFC-rPPG."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from rppgbench.cli.data import data
from rppgbench.errors import RppgbenchError
from rppgbench.settings import configured

SECONDS = 20.0
SUBJECTS = ("subject1", "subject3")


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "config.yaml"
    monkeypatch.setenv("RPPGBENCH_CONFIG", str(file))
    return file


def call(*args: object) -> Result:
    """A command that ends as a command does: with an exit code, or with an error that ``main`` prints."""
    result = CliRunner().invoke(data, [str(arg) for arg in args])
    assert result.exception is None or isinstance(result.exception, (SystemExit, RppgbenchError)), result.exception
    return result


def refused(*args: object) -> RppgbenchError:
    """The error of a command that was refused."""
    error = call(*args).exception
    assert isinstance(error, RppgbenchError)
    assert error.exit_code == 2
    return error


def check(root: Path, *args: object) -> tuple[int, str]:
    result = call("check", "ubfc_rppg", "--path", root, "--workers", 1, *args)
    return result.exit_code, result.stdout


def troubles(root: Path, *args: object) -> list[dict[str, str]]:
    code, told = check(root, "--json", *args)
    found = [finding for finding in json.loads(told)["findings"] if finding["severity"] == "trouble"]
    assert code == (3 if found else 0)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    root = tmp_path_factory.mktemp("ubfc") / "copy"
    result = CliRunner().invoke(
        data, ["fixture", "ubfc_rppg", str(root), "--subjects", "2", "--seconds", str(SECONDS)], catch_exceptions=False
    )
    return root, result


@pytest.fixture
def root(made: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy to do harm to."""
    return shutil.copytree(made[0], tmp_path / "ubfc")


def lines_of(label: Path) -> np.ndarray:
    return np.loadtxt(label)


def test_a_fixture_tells_its_heart_rates_and_what_to_do_next(made: tuple[Path, Result]) -> None:
    root, result = made
    assert result.exit_code == 0
    rates = {name: float(bpm) for name, bpm in re.findall(r"(subject\d+) +([\d.]+) bpm", result.stdout)}
    assert set(rates) == set(SUBJECTS)
    assert all(40 < rate < 140 for rate in rates.values())
    assert f"rppgbench data check ubfc_rppg --path {root} --partial" in result.stdout
    assert f"rppgbench run ubfc_rppg_compressed --data ubfc_rppg={root} --rehearse" in result.stdout


def test_a_fresh_fixture_has_no_trouble_and_its_sensors_say_the_known_rates(made: tuple[Path, Result]) -> None:
    root, fixture = made
    code, told = check(root, "--partial", "--json")
    assert code == 0
    known = dict(re.findall(r"(subject\d+) +([\d.]+) bpm", fixture.stdout))
    for one in json.loads(told)["recordings"]:
        assert one["truth"]["hr_bpm"] == pytest.approx(float(known[one["recording"]]), abs=1.0)


def test_a_table_ends_in_a_summary(made: tuple[Path, Result]) -> None:
    code, told = check(made[0])
    assert code == 0
    assert "40 of 42 published subjects are not here" in told
    assert "2 of 42 published recordings, 2 of 42 subjects: no trouble, 1 remark;" in told.splitlines()[-1]


def test_add_remembers_list_knows_and_check_finds(made: tuple[Path, Result]) -> None:
    root, _ = made
    added = call("add", "ubfc_rppg", root, "--partial")
    assert "2 recordings of 2 subjects" in added.stdout
    assert "rppgbench data check ubfc_rppg" in added.stdout
    assert (configured()["ubfc_rppg"].path, configured()["ubfc_rppg"].partial) == (root, True)
    row = next(row for row in json.loads(call("list", "--json").stdout) if row["name"] == "ubfc_rppg")
    assert (row["path"], row["partial"], row["recordings"], row["source"]) == (str(root), True, 2, "raw")
    checked = call("check", "ubfc_rppg", "--quick", "--workers", 1)
    assert checked.exit_code == 0
    assert json.loads(call("check", "ubfc_rppg", "--quick", "--json").stdout)["partial"] is True


def test_list_says_how_to_get_what_is_not_here(configuration: Path) -> None:
    told = call("list").stdout
    assert re.search(r"mahnob_hci .* not here", told)
    assert "sign the agreement" in told
    assert re.search(r"synthetic +40 +20 +rendered", told)


def test_list_survives_a_folder_that_went_away(configuration: Path, tmp_path: Path) -> None:
    configuration.write_text(f"data: {{ubfc_rppg: {tmp_path / 'gone'}}}\n")
    told = call("list").stdout
    assert f"ubfc_rppg: {tmp_path / 'gone'}: no such folder" in told
    assert "synthetic" in told


def test_a_wrong_folder_is_refused_and_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "holiday.avi").touch()
    error = refused("add", "ubfc_rppg", tmp_path)
    assert str(tmp_path) in error.message
    assert "subject" in error.message
    assert error.hint
    assert "ubfc_rppg" not in configured()


def test_a_wrong_dataset_under_the_right_name_is_named_as_what_it_is(tmp_path: Path) -> None:
    call("fixture", "manifest", tmp_path / "own", "--subjects", 1, "--seconds", 4)
    error = refused("add", "ubfc_rppg", tmp_path / "own")
    assert error.hint is not None
    assert f"rppgbench data add manifest {tmp_path / 'own'}" in error.hint


def test_mistyped_names_are_answered(made: tuple[Path, Result]) -> None:
    assert "did you mean 'ubfc_rppg'?" in str(refused("check", "ubfc_rpg", "--path", made[0]))
    error = refused("check", "ubfc_rppg", "--path", made[0], "--recording", "subject2")
    assert "no recording 'subject2' here" in error.message
    assert "how to get it" in refused("check", "pure").message


def test_a_renamed_video_is_named_with_its_new_name(root: Path) -> None:
    folder = root / "DATASET_2" / "subject1"
    (folder / "vid.avi").rename(folder / "vid2.avi")
    (finding,) = troubles(root)
    assert finding["file"] == str(folder / "vid.avi")
    assert "vid2.avi" in finding["found"] + finding["remedy"]
    assert troubles(root, "--partial") == []


def test_a_missing_label_of_a_subject_who_is_here_is_trouble(root: Path) -> None:
    label = root / "DATASET_2" / "subject3" / "ground_truth.txt"
    label.unlink()
    (finding,) = troubles(root)
    assert (finding["check"], finding["file"]) == ("missing", str(label))
    assert finding["remedy"]


def test_a_truncated_video_is_named(root: Path) -> None:
    video = root / "DATASET_2" / "subject1" / "vid.avi"
    with video.open("rb+") as file:
        file.truncate(video.stat().st_size * 2 // 3)
    code, told = check(root)
    assert code == 3
    assert "DATASET_2/subject1/vid.avi: cut off or damaged" in told
    assert "-> copy or record the file again" in told


def test_labels_that_are_stuck_or_no_number_are_named_with_the_place(root: Path) -> None:
    stuck, silent = (root / "DATASET_2" / name / "ground_truth.txt" for name in SUBJECTS)
    lines = lines_of(stuck)
    lines[0, 100:300] = lines[0, 100]
    np.savetxt(stuck, lines)
    lines = lines_of(silent)
    lines[0, 200:260] = np.nan
    np.savetxt(silent, lines)
    found = {finding["file"]: finding for finding in troubles(root)}
    assert "stuck at one value from 3." in found[str(stuck)]["found"]
    assert "are no numbers, none from 6.7 s" in found[str(silent)]["found"]
    assert all(finding["remedy"] for finding in found.values())


def test_a_clock_that_drifts_by_two_per_cent_is_told_with_both_lengths(root: Path) -> None:
    """The one clock of this dataset is line 3, of frames and pulse alike: rates stay comparable, so it is a remark."""
    label = root / "DATASET_2" / "subject1" / "ground_truth.txt"
    lines = lines_of(label)
    lines[2] *= 1.02
    np.savetxt(label, lines)
    code, told = check(root, "--json")
    assert code == 0
    told = [finding for finding in json.loads(told)["findings"] if finding["check"] == "clock"]
    assert "by its container the video lasts 20.00 s, by the dataset's frame times 20.40 s" in told[0]["found"]
    assert told[0]["remedy"]


def test_a_video_shorter_than_its_label_is_named(root: Path) -> None:
    from rppgbench.media.decode import frames
    from rppgbench.testing.film import write_video

    video = root / "DATASET_2" / "subject1" / "vid.avi"
    pictures = [frame.rgb() for frame in frames(video, part=(0, 300))]
    write_video(pictures, video, 29.5, encoder="rawvideo", pix_fmt="bgr24")
    found = [finding for finding in troubles(root) if finding["check"] == "clock"]
    assert found[0]["file"] == str(video)
    assert "the video is shorter than its label: 20.00 s by the sensor, 10.17 s by the video" in found[0]["found"]


def test_the_same_video_under_two_subjects_is_named(root: Path) -> None:
    folder = root / "DATASET_2"
    shutil.copy(folder / "subject1" / "vid.avi", folder / "subject3" / "vid.avi")
    (finding,) = troubles(root, "--quick")
    assert finding["check"] == "duplicate"
    assert "subject1, subject3" in finding["found"]


def test_show_lists_recordings_and_tells_of_one_what_its_sensor_says(made: tuple[Path, Result]) -> None:
    root, fixture = made
    listed = call("show", "ubfc_rppg", "--path", root).stdout
    assert re.search(r"subject1 +subject1 +game +29\.\d+ +20\.\d+ +raw", listed)
    told = call("show", "ubfc_rppg", "subject3", "--path", root).stdout
    assert "DATASET_2/subject3/vid.avi" in told
    known = dict(re.findall(r"(subject\d+) +([\d.]+) bpm", fixture.stdout))["subject3"]
    window = re.search(r"0-20 +([\d.]+) +([\d.]+)", told)
    assert window is not None
    assert [float(rate) for rate in window.groups()] == pytest.approx([float(known)] * 2, abs=1.5)


def test_show_draws(made: tuple[Path, Result], tmp_path: Path) -> None:
    result = call("show", "ubfc_rppg", "subject1", "--path", made[0], "--plot", "--out", tmp_path / "figures")
    assert result.exit_code == 0
    assert (tmp_path / "figures" / "ubfc_rppg-subject1.png").stat().st_size > 50_000
    assert call("show", "ubfc_rppg", "--path", made[0], "--plot").exit_code == 2


def test_a_fixture_goes_into_an_empty_folder_alone(made: tuple[Path, Result]) -> None:
    assert "is not empty, nothing was written" in refused("fixture", "ubfc_rppg", made[0]).message
    assert "makes its recordings itself" in refused("fixture", "synthetic", made[0]).message
    assert call("fixture", "ubfc_rppg", made[0], "--size", "big").exit_code == 2


@pytest.mark.parametrize("command", ["add", "check", "fixture", "list", "show"])
def test_help_teaches(command: str) -> None:
    told = call(command, "--help").stdout
    assert len(told.splitlines()) > 8
    assert command == "list" or f"rppgbench data {command} " in told


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom rppgbench.cli.data import data\ndata(['check', '--help'], standalone_mode=False)\n"
        "print(*sys.modules, sep=chr(10), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()}
    assert "click" in loaded, "the list of modules is the real one"
    assert not loaded & {"torch", "pandas", "scipy", "numpy", "av", "cv2", "matplotlib", "pydantic"}
