"""The command line: quick help, helpful mistakes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rppgbench.cli.main import COMMANDS

HEAVY = ("torch", "distributed", "dask", "pandas", "scipy", "cv2", "av", "matplotlib")


def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "rppgbench", *arguments], capture_output=True, text=True, **options)


def imported_by(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom rppgbench.cli.main import cli\n"
        f"cli({list(arguments)!r}, standalone_mode=False)\nprint(*sys.modules, sep=chr(10), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


@pytest.mark.parametrize("arguments", [("--help",), ("list",), ("show", "pos"), ("run", "--help"), ("plan", "--help")])
def test_lists_import_nothing_heavy(arguments):
    found = imported_by(*arguments)
    assert "click" in found, "the list of modules is the real one"
    assert not found & set(HEAVY)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_itself(command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 5


def test_a_mistyped_command_is_answered():
    done = run("mesure")
    assert done.returncode == 2
    assert "did you mean 'measure'?" in done.stderr


def test_a_mistyped_component_is_answered():
    done = run("show", "chorm")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'chrom'?" in done.stderr


def test_show_prints_parameters_citation_licence_and_origin():
    output = run("show", "x264", env={"COLUMNS": "160", "PATH": ""}).stdout
    for expected in ("bitrate_kbps", "preset", "rppgbench_ffmpeg", "GPL", "from            rppgbench", "ultrafast"):
        assert expected in output


def test_obf_without_the_data_says_what_it_is_how_to_get_it_and_what_to_run_instead(tmp_path):
    done = run("run", "obf_compressed", "--store", str(tmp_path), env={"PATH": "", "HOME": str(tmp_path)})
    assert done.returncode == 2
    for expected in ("Oulu Bio-Face", "licence", "--data obf=PATH", "rppgbench run synthetic_compressed"):
        assert expected in done.stderr


def test_planning_obf_without_the_data_still_shows_what_is_declared(tmp_path):
    done = run(
        "plan", "obf_compressed", "--store", str(tmp_path), env={"PATH": "", "HOME": str(tmp_path), "COLUMNS": "200"}
    )
    assert done.returncode == 2
    assert "mpeg4-1000k" in done.stdout
    assert "--data obf=PATH" in done.stderr


def test_a_data_folder_that_is_not_there_is_named(tmp_path):
    done = run("run", "obf_compressed", "--store", str(tmp_path), "--data", "obf=/no/such/folder")
    assert done.returncode == 2
    assert "/no/such/folder: no such folder" in done.stderr


@pytest.mark.parametrize(
    ("narrowing", "complaint"),
    [
        ("method=psos", "did you mean 'pos'?"),
        ("colour=red", "'colour' cannot be narrowed"),
        ("pos", "expected WHAT=NAME"),
        ("condition=x264-120k", "did you mean 'x264-125k'?"),
    ],
)
def test_a_wrong_narrowing_is_answered(tmp_path, narrowing, complaint):
    done = run("plan", "smoke", "--store", str(tmp_path), "--only", narrowing)
    assert done.returncode == 2
    assert complaint in done.stderr
