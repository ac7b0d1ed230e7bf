"""The commands ``data``, on a small copy of UBFC-rPPG."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from rppgbench.cli.data_command import data
from rppgbench.errors import RppgbenchError
from rppgbench.settings import configured_folders

SECONDS = 20.0
SUBJECTS = ("subject1", "subject3")


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "config.yaml"
    monkeypatch.setenv("RPPGBENCH_CONFIG", str(file))
    return file


def call(*args: object) -> Result:
    """The result of a command: an exit code, or an error that ``main`` prints."""
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
    code, output = check(root, "--json", *args)
    found = [finding for finding in json.loads(output)["findings"] if finding["severity"] == "trouble"]
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
    """A copy to damage."""
    return shutil.copytree(made[0], tmp_path / "ubfc")


def lines_of(label: Path) -> np.ndarray:
    return np.loadtxt(label)


def test_a_fixture_prints_its_heart_rates_and_the_next_commands(made: tuple[Path, Result]) -> None:
    root, result = made
    assert result.exit_code == 0
    rates = {name: float(bpm) for name, bpm in re.findall(r"(subject\d+) +([\d.]+) bpm", result.stdout)}
    assert set(rates) == set(SUBJECTS)
    assert all(40 < rate < 140 for rate in rates.values())
    assert f"rppgbench data check ubfc_rppg --path {root} --partial" in result.stdout


def test_a_fixture_as_long_as_a_window_of_its_protocol_is_to_be_tried_on_it(tmp_path: Path) -> None:
    """Windows of protocol dasari2021 are of 25 s."""
    output = call("fixture", "dasari2021", tmp_path / "small", "--subjects", 1, "--seconds", 25).stdout
    assert f"rppgbench run dasari2021 --data dasari2021={tmp_path / 'small'} --rehearse" in output
    assert "too short" not in output


def test_a_fresh_fixture_has_no_trouble_and_its_sensors_say_the_known_rates(made: tuple[Path, Result]) -> None:
    root, fixture = made
    code, output = check(root, "--partial", "--json")
    assert code == 0
    known = dict(re.findall(r"(subject\d+) +([\d.]+) bpm", fixture.stdout))
    for one in json.loads(output)["recordings"]:
        assert one["truth"]["hr_bpm"] == pytest.approx(float(known[one["recording"]]), abs=1.0)


def test_a_table_ends_in_a_summary(made: tuple[Path, Result]) -> None:
    code, output = check(made[0])
    assert code == 0
    assert "40 of 42 published subjects are not here" in output
    assert "2 of 42 published recordings, 2 of 42 subjects: no trouble, 1 remark;" in output.splitlines()[-1]


def test_add_remembers_list_knows_and_check_finds(made: tuple[Path, Result]) -> None:
    root, _ = made
    added = call("add", "ubfc_rppg", root, "--partial")
    assert "2 recordings of 2 subjects" in added.stdout
    assert "rppgbench data check ubfc_rppg" in added.stdout
    assert (configured_folders()["ubfc_rppg"].path, configured_folders()["ubfc_rppg"].partial) == (root, True)
    row = next(row for row in json.loads(call("list", "--json").stdout) if row["name"] == "ubfc_rppg")
    assert (row["path"], row["partial"], row["recordings"], row["source"]) == (str(root), True, 2, "raw")
    checked = call("check", "ubfc_rppg", "--quick", "--workers", 1)
    assert checked.exit_code == 0
    assert json.loads(call("check", "ubfc_rppg", "--quick", "--json").stdout)["partial"] is True


def test_list_says_how_to_get_what_is_not_here(configuration: Path) -> None:
    output = call("list").stdout
    assert re.search(r"mahnob_hci .* not here", output)
    assert "sign the agreement" in output
    assert re.search(r"synthetic +40 +20 +rendered", output)


def test_list_survives_a_folder_that_went_away(configuration: Path, tmp_path: Path) -> None:
    configuration.write_text(f"data: {{ubfc_rppg: {tmp_path / 'gone'}}}\n")
    output = call("list").stdout
    assert f"ubfc_rppg: {tmp_path / 'gone'}: no such folder" in output
    assert "synthetic" in output


def test_a_wrong_folder_is_refused_and_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "holiday.avi").touch()
    error = refused("add", "ubfc_rppg", tmp_path)
    assert str(tmp_path) in error.message
    assert "subject" in error.message
    assert error.hint
    assert "ubfc_rppg" not in configured_folders()


def test_a_wrong_dataset_under_the_right_name_is_named_as_what_it_is(tmp_path: Path) -> None:
    call("fixture", "manifest", tmp_path / "own", "--subjects", 1, "--seconds", 4)
    error = refused("add", "ubfc_rppg", tmp_path / "own")
    assert error.hint is not None
    assert f"rppgbench data add manifest {tmp_path / 'own'}" in error.hint


def test_mistyped_names_are_answered(made: tuple[Path, Result]) -> None:
    assert "did you mean 'ubfc_rppg'?" in str(refused("check", "ubfc_rpg", "--path", made[0]))
    error = refused("check", "ubfc_rppg", "--path", made[0], "--recording", "subject2")
    assert "no recording 'subject2' here" in error.message
    assert error.hint == "here: subject1, subject3"
    assert "how to get it" in refused("check", "pure").message


def test_a_renamed_video_is_named_with_its_new_name(root: Path) -> None:
    folder = root / "DATASET_2" / "subject1"
    (folder / "vid.avi").rename(folder / "vid2.avi")
    (finding,) = troubles(root)
    assert finding["file"] == str(folder / "vid.avi")
    assert "vid2.avi" in finding["found"] + finding["remedy"]
    assert troubles(root, "--partial") == [finding]


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
    code, output = check(root)
    assert code == 3
    assert "DATASET_2/subject1/vid.avi: cut off or damaged" in output
    assert "-> copy or record the file again" in output


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


def test_a_clock_that_drifts_by_two_per_cent_is_reported_with_both_lengths(root: Path) -> None:
    """The one clock of this dataset is line 3, of frames and pulse alike: rates stay comparable, so it is a remark."""
    label = root / "DATASET_2" / "subject1" / "ground_truth.txt"
    lines = lines_of(label)
    lines[2] *= 1.02
    np.savetxt(label, lines)
    code, output = check(root, "--json")
    assert code == 0
    clock = [finding for finding in json.loads(output)["findings"] if finding["check"] == "clock"]
    assert "by its container the video lasts 20.00 s, by the dataset's frame times 20.40 s" in clock[0]["found"]
    assert clock[0]["remedy"]


def test_a_video_shorter_than_its_label_is_named(root: Path) -> None:
    from rppgbench.media.decode import frames
    from rppgbench.testing.rendered_cohort import write_video

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


def test_show_lists_recordings_and_prints_the_labels_of_one(made: tuple[Path, Result]) -> None:
    root, fixture = made
    listed = call("show", "ubfc_rppg", "--path", root).stdout
    assert re.search(r"subject1 +subject1 +game +29\.\d+ +20\.\d+", listed)
    assert listed.count("source of all: raw: rawvideo") == listed.count("rawvideo") == 1
    output = call("show", "ubfc_rppg", "subject3", "--path", root).stdout
    assert "DATASET_2/subject3/vid.avi" in output
    known = dict(re.findall(r"(subject\d+) +([\d.]+) bpm", fixture.stdout))["subject3"]
    window = re.search(r"0-20 +([\d.]+) +([\d.]+)", output)
    assert window is not None
    assert [float(rate) for rate in window.groups()] == pytest.approx([float(known)] * 2, abs=1.5)


def test_the_common_source_of_all_recordings_is_printed_once(tmp_path: Path) -> None:
    """Patches of this dataset differ in their bitrates alone."""
    call("fixture", "dasari2021", tmp_path / "small", "--subjects", 1, "--seconds", 4)
    listed = call("show", "dasari2021", "--path", tmp_path / "small").stdout
    assert listed.startswith("source of all: ")
    assert listed.count("enlarged from") == 1
    assert len(re.findall(r"mpeg4 at \d+ kb/s", listed)) == 3


def test_show_draws(made: tuple[Path, Result], tmp_path: Path) -> None:
    result = call("show", "ubfc_rppg", "subject1", "--path", made[0], "--plot", "--out", tmp_path / "figures")
    assert result.exit_code == 0
    assert (tmp_path / "figures" / "ubfc_rppg-subject1.png").stat().st_size > 50_000
    assert call("show", "ubfc_rppg", "--path", made[0], "--plot").exit_code == 2


def test_a_fixture_goes_into_an_empty_folder_alone(made: tuple[Path, Result]) -> None:
    assert "is not empty, nothing was written" in refused("fixture", "ubfc_rppg", made[0]).message
    assert "makes its recordings itself" in refused("fixture", "synthetic", made[0]).message
    assert call("fixture", "ubfc_rppg", made[0], "--size", "big").exit_code == 2


def test_remove_forgets_and_touches_no_file(made: tuple[Path, Result]) -> None:
    root, _ = made
    before = sorted(root.rglob("*"))
    assert "no dataset 'ubfc_rppg' is remembered" in refused("remove", "ubfc_rppg").message
    call("add", "ubfc_rppg", root, "--partial")
    assert refused("remove", "ubfc_rpg").hint == "did you mean 'ubfc_rppg'?"
    assert f"its files stay in {root}" in call("remove", "ubfc_rppg").stdout
    assert "ubfc_rppg" not in configured_folders()
    assert sorted(root.rglob("*")) == before


def test_a_copy_that_is_added_anew_without_partial_is_said_to_be_partial_no_longer(made: tuple[Path, Result]) -> None:
    output = [call("add", "ubfc_rppg", made[0], *options).stdout for options in (["--partial"], [], [])]
    assert ["no longer marked partial" in one for one in output] == [False, True, False]
    assert not configured_folders()["ubfc_rppg"].partial


def test_list_folds_no_path_however_narrow(
    configuration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = tmp_path / ("a folder " * 12).strip()
    configuration.write_text(f"data:\n  ubfc_rppg: {long}\n")
    lines = call("list").stdout.splitlines()
    assert any(line.startswith("ubfc_rppg") and f"{long}: cannot be used" in line for line in lines)
    at = next(number for number, line in enumerate(lines) if line.startswith("  mahnob_hci: "))
    assert any(line.strip().startswith("licence: ") for line in lines[at : at + 4])
    assert any("https://" in line for line in lines[at : at + 4])


def test_a_picture_too_small_for_a_face_is_refused_with_the_option(tmp_path: Path) -> None:
    result = call("fixture", "pure", tmp_path / "small", "--size", "8x8")
    assert result.exit_code == 2
    assert "--size 8x8: expected even width >= height, from 96x96 to 4096x2160\n" in result.stderr
    assert "synthetic" not in result.stderr


def test_out_without_plot_is_refused(made: tuple[Path, Result], tmp_path: Path) -> None:
    result = call("show", "ubfc_rppg", "subject1", "--path", made[0], "--out", tmp_path / "figures")
    assert result.exit_code == 2
    assert "needs --plot" in result.stderr


def test_figures_of_own_data_have_no_notice(
    made: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    footnotes: dict[str, tuple[str, ...]] = {}
    monkeypatch.setattr("rppgbench.datasets.overview_figure.draw_overview", lambda _, target, **said: footnotes.update({
        target.name: said["footnotes"]}))  # fmt: skip
    call("fixture", "manifest", tmp_path / "own", "--subjects", 1, "--seconds", 8)
    own = json.loads(call("check", "manifest", "--path", tmp_path / "own", "--quick", "--json").stdout)
    call("show", "manifest", own["recordings"][0]["recording"], "--path", tmp_path / "own", "--plot")
    call("show", "ubfc_rppg", "subject1", "--path", made[0], "--plot")
    output = {name: any("may not be published" in note for note in notes) for name, notes in footnotes.items()}
    assert sorted(output.values()) == [False, True]
    assert output["ubfc_rppg-subject1.png"]


def test_summaries_of_the_commands_are_whole() -> None:
    output = call("--help").stdout.partition("Commands:")[2]
    assert "..." not in output
    assert len(output.strip().splitlines()) == 6, "a line each"


@pytest.mark.parametrize("command", ["add", "check", "fixture", "list", "remove", "show"])
def test_help_teaches(command: str) -> None:
    output = call(command, "--help").stdout
    assert len(output.splitlines()) > 8
    assert command == "list" or f"rppgbench data {command} " in output


def test_a_fixture_of_one_session_is_one_and_too_short_for_a_run_is_said(tmp_path: Path) -> None:
    """PURE publishes six sessions of each subject; its protocol cuts windows of 30 s."""
    root = tmp_path / "pure"
    output = call("fixture", "pure", root, "--sessions", 1, "--subjects", 1, "--seconds", 4).stdout
    assert [path.name for path in root.iterdir()] == ["01-01"]
    assert "1 recording of rendered faces; its heart rate:" in output
    assert "rppgbench data check pure" in output
    assert re.search(r"too short for 'rppgbench run pure_compressed': 4\.\d s, .* of 30 s; .* --seconds 30 ", output)
    assert "--rehearse" not in output
    checked = call("check", "pure", "--path", root, "--partial", "--quick", "--json")
    assert checked.exit_code == 0
    assert json.loads(checked.stdout)["here"] == {"subjects": 1, "recordings": 1}


def test_add_distinguishes_damaged_from_absent_recordings(root: Path) -> None:
    (root / "DATASET_2" / "subject3" / "vid.avi").write_bytes(b"")
    output = call("add", "ubfc_rppg", root, "--partial").stdout
    assert "41 of 42 published recordings cannot be used" in output
    assert "40 are not here, which is fine for a partial copy" in output
    assert "1 is damaged, renamed or lacks files: rppgbench data check says which and how" in output


@pytest.mark.parametrize("workers", [1, 2])
def test_standard_output_gets_json_alone(made: tuple[Path, Result], workers: int) -> None:
    """Loaders of EDF and HDF5 files lean on C libraries that print; C holds back what goes into a pipe."""
    code = (
        "import sys, rppgbench.registry, noisy\n"
        "registry = rppgbench.registry.Registry.from_plugins(noisy=noisy)\n"
        "rppgbench.registry.load_registry = lambda: registry\n"
        "from rppgbench.cli.data_command import data\ndata(sys.argv[1:])"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    environment.pop("PYTHONUNBUFFERED", None)  # with it C holds nothing back
    options = ["--path", str(made[0]), "--workers", str(workers), "--quick", "--partial", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, "check", "noisy", *options],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["here"] == {"subjects": 2, "recordings": 2}
    for voice in ("python", "program", "C"):
        assert f"{voice}: making the loader" in done.stderr
        assert f"{voice}: reading the truth" in done.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom rppgbench.cli.data_command import data\ndata(['check', '--help'], standalone_mode=False)\n"
        "print(*sys.modules, sep=chr(10), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()}
    assert "click" in loaded, "the list of modules is the real one"
    assert not loaded & {"torch", "pandas", "scipy", "numpy", "av", "cv2", "matplotlib", "pydantic"}
