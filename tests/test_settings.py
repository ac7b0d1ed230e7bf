"""Where datasets lie: the user's configuration file and what the command line says over it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rppgbench.contracts import DatasetSpec
from rppgbench.errors import DatasetUnavailable, ProtocolError, RppgbenchError
from rppgbench.settings import (
    DataFolder,
    configuration_file,
    configured,
    data_roots,
    dataset_root,
    forget,
    remember,
)


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The configuration file's path; the file is not there yet."""
    path = tmp_path / "settings" / "config.yaml"
    monkeypatch.setenv("RPPGBENCH_CONFIG", str(path))
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "OBF"
    path.mkdir()
    return path


def write(config: Path, text: str) -> None:
    config.parent.mkdir(exist_ok=True)
    config.write_text(text, encoding="utf-8")


def test_the_variable_names_the_file(config, monkeypatch):
    assert configuration_file() == config
    monkeypatch.delenv("RPPGBENCH_CONFIG")
    assert configuration_file().name == "config.yaml"
    assert configuration_file() != config


def test_no_file_means_no_folders(config):
    assert configured() == {}
    assert data_roots() == {}


def test_what_is_remembered_is_there_and_what_is_forgotten_is_not(config, folder):
    assert remember("obf", folder) == DataFolder(folder)
    remember("pure", folder, partial=True)
    assert configured() == {"obf": DataFolder(folder), "pure": DataFolder(folder, partial=True)}
    assert forget("obf")
    assert not forget("obf")
    assert configured() == {"pure": DataFolder(folder, partial=True)}
    remember("pure", folder)
    assert configured() == {"pure": DataFolder(folder)}


def test_comments_and_other_keys_stay(config, folder):
    write(config, "# mine\nstore: /tmp/store  # big disk\ndata:\n  # asked for in May\n  cohface: '/data/COHFACE'\n")
    remember("obf", folder)
    assert config.read_text(encoding="utf-8") == (
        "# mine\nstore: /tmp/store  # big disk\ndata:\n  # asked for in May\n  cohface: '/data/COHFACE'\n"
        f"  obf: {folder}\n"
    )


@pytest.mark.parametrize("before", ["", "# nothing yet\n", "data:\n", "store: there\n"])
def test_a_file_without_data_takes_some(config, folder, before):
    write(config, before)
    remember("obf", folder)
    assert configured() == {"obf": DataFolder(folder)}
    assert before.split("\n")[0] in config.read_text(encoding="utf-8")


def test_paths_are_kept_absolute(config, folder, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    assert remember("obf", Path("OBF")).path == folder
    assert remember("obf", Path("settings/../OBF")).path == folder
    assert remember("obf", Path("link")).path == tmp_path / "link"
    assert configured()["obf"].path == tmp_path / "link"


def test_a_relative_path_is_relative_to_the_file(config, tmp_path):
    write(config, "data: {obf: ../OBF, pure: {path: ~/PURE}}\n")
    assert configured()["obf"].path == config.parent / "../OBF"
    assert configured()["pure"].path == Path("~/PURE").expanduser()


def test_a_folder_that_is_not_there_is_not_remembered(config, tmp_path):
    with pytest.raises(DatasetUnavailable, match="no such folder"):
        remember("obf", tmp_path / "nowhere")
    assert not config.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("data: {obf: [1\n", r"config.yaml:2:1: is no YAML"),
        ("data:\n  obf: /a\n  obf: /b\n", r"config.yaml:3:3: is no YAML: found duplicate key"),
        ("- obf\n", "expected a mapping with the key 'data'"),
        ("data: [obf]\n", "data: expected a mapping of names to folders"),
        ("data: {obf: 7}\n", "data.obf: expected a folder, found 7"),
        ("data: {obf: }\n", "data.obf: expected a folder, found None"),
        ("data: {obf: {pth: /a}}\n", r"data.obf: unknown key 'pth'\n  -> did you mean 'path'"),
        ("data: {obf: {path: /a, partial: some}}\n", "data.obf.partial: expected true or false, found 'some'"),
    ],
)
def test_a_file_of_another_form_is_told(config, text, complaint):
    write(config, text)
    with pytest.raises(RppgbenchError, match=complaint):
        configured()


def test_a_broken_file_is_not_overwritten(config, folder):
    write(config, "data: [obf\n")
    with pytest.raises(RppgbenchError, match="is no YAML"):
        remember("obf", folder)
    assert config.read_text() == "data: [obf\n"


def test_a_file_that_cannot_be_written_is_named(config, folder):
    config.parent.write_text("a file where a folder should be")
    with pytest.raises(RppgbenchError, match=r"config.yaml: cannot be (read|written).*(\n.*)?"):
        remember("obf", folder)


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(config, folder, monkeypatch):
    write(config, "data: {}\n")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RppgbenchError, match="cannot be written: No space left") as caught:
        remember("obf", folder)
    assert "RPPGBENCH_CONFIG" in str(caught.value.hint)
    assert [path.name for path in config.parent.iterdir()] == ["config.yaml"]
    assert config.read_text() == "data: {}\n"


def test_a_link_to_the_file_stays_a_link_and_its_mode_stays(config, folder, tmp_path):
    real = tmp_path / "dotfiles.yaml"
    real.write_text("data: {}\n")
    real.chmod(0o640)
    config.parent.mkdir()
    config.symlink_to(real)
    remember("obf", folder)
    assert config.is_symlink()
    assert str(folder) in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_the_command_line_says_over_the_file(config, folder):
    remember("obf", folder)
    remember("pure", folder)
    assert data_roots(["obf=/elsewhere"]) == {"obf": Path("/elsewhere"), "pure": folder}
    with pytest.raises(ProtocolError, match="expected NAME=PATH"):
        data_roots(["obf"])


SPEC = DatasetSpec(name="obf", factory="a.b:C", summary="faces", how_to_get="ask in Oulu")


def test_a_dataset_that_is_nowhere_says_how_to_get_it(tmp_path):
    with pytest.raises(DatasetUnavailable, match=r"ask in Oulu\n.*rppgbench data add obf PATH") as caught:
        dataset_root(SPEC, {}, without="render some")
    assert caught.value.hint == "render some"
    with pytest.raises(DatasetUnavailable, match="no such folder, expected dataset 'obf' there"):
        dataset_root(SPEC, {"obf": tmp_path / "gone"}, without="")
    assert dataset_root(SPEC, {"obf": tmp_path}, without="") == tmp_path
    assert dataset_root(DatasetSpec(name="s", factory="a:B", summary="", needs_files=False), {}, without="") is None
