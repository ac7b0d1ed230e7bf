"""Folders of datasets: the user's configuration file, and overrides by the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rppgbench.contracts import DatasetSpec
from rppgbench.errors import DatasetUnavailable, ProtocolError, RppgbenchError
from rppgbench.settings import (
    DataFolder,
    add_data_folder,
    configuration_file,
    configured_folders,
    data_roots,
    dataset_root,
    remove_data_folder,
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
    assert configured_folders() == {}
    assert data_roots() == {}


def test_folders_are_added_and_removed(config, folder):
    assert add_data_folder("obf", folder) == DataFolder(folder)
    add_data_folder("pure", folder, partial=True)
    assert configured_folders() == {"obf": DataFolder(folder), "pure": DataFolder(folder, partial=True)}
    assert remove_data_folder("obf")
    assert not remove_data_folder("obf")
    assert configured_folders() == {"pure": DataFolder(folder, partial=True)}
    add_data_folder("pure", folder)
    assert configured_folders() == {"pure": DataFolder(folder)}


def test_comments_and_other_keys_stay(config, folder):
    write(config, "# mine\nstore: /tmp/store  # big disk\ndata:\n  # asked for in May\n  cohface: '/data/COHFACE'\n")
    add_data_folder("obf", folder)
    assert config.read_text(encoding="utf-8") == (
        "# mine\nstore: /tmp/store  # big disk\ndata:\n  # asked for in May\n  cohface: '/data/COHFACE'\n"
        f"  obf: {folder}\n"
    )


@pytest.mark.parametrize("before", ["", "# nothing yet\n", "data:\n", "store: there\n"])
def test_a_file_without_data_takes_some(config, folder, before):
    write(config, before)
    add_data_folder("obf", folder)
    assert configured_folders() == {"obf": DataFolder(folder)}
    assert before.split("\n")[0] in config.read_text(encoding="utf-8")


def test_paths_are_kept_absolute(config, folder, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    assert add_data_folder("obf", Path("OBF")).path == folder
    assert add_data_folder("obf", Path("settings/../OBF")).path == folder
    assert add_data_folder("obf", Path("link")).path == tmp_path / "link"
    assert configured_folders()["obf"].path == tmp_path / "link"


def test_a_relative_path_is_relative_to_the_file(config, tmp_path):
    write(config, "data: {obf: ../OBF, pure: {path: ~/PURE}}\n")
    assert configured_folders()["obf"].path == config.parent / "../OBF"
    assert configured_folders()["pure"].path == Path("~/PURE").expanduser()


def test_a_missing_folder_is_not_added(config, tmp_path):
    with pytest.raises(DatasetUnavailable, match="no such folder"):
        add_data_folder("obf", tmp_path / "nowhere")
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
def test_a_file_of_another_form_is_refused(config, text, complaint):
    write(config, text)
    with pytest.raises(RppgbenchError, match=complaint):
        configured_folders()


def test_a_broken_file_is_not_overwritten(config, folder):
    write(config, "data: [obf\n")
    with pytest.raises(RppgbenchError, match="is no YAML"):
        add_data_folder("obf", folder)
    assert config.read_text() == "data: [obf\n"


def test_a_file_that_cannot_be_written_is_named(config, folder):
    config.parent.write_text("a file where a folder should be")
    with pytest.raises(RppgbenchError, match=r"config.yaml: cannot be (read|written).*(\n.*)?"):
        add_data_folder("obf", folder)


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(config, folder, monkeypatch):
    write(config, "data: {}\n")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RppgbenchError, match="cannot be written: No space left") as caught:
        add_data_folder("obf", folder)
    assert "RPPGBENCH_CONFIG" in str(caught.value.hint)
    assert [path.name for path in config.parent.iterdir()] == ["config.yaml"]
    assert config.read_text() == "data: {}\n"


def test_a_link_to_the_file_stays_a_link_and_its_mode_stays(config, folder, tmp_path):
    real = tmp_path / "dotfiles.yaml"
    real.write_text("data: {}\n")
    real.chmod(0o640)
    config.parent.mkdir()
    config.symlink_to(real)
    add_data_folder("obf", folder)
    assert config.is_symlink()
    assert str(folder) in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_the_command_line_overrides_the_file(config, folder):
    add_data_folder("obf", folder)
    add_data_folder("pure", folder)
    assert data_roots(["obf=/elsewhere"]) == {"obf": Path("/elsewhere"), "pure": folder}
    with pytest.raises(ProtocolError, match="expected NAME=PATH"):
        data_roots(["obf"])


SPEC = DatasetSpec(name="obf", factory="a.b:C", summary="faces", how_to_get="ask in Oulu")


def test_a_dataset_without_a_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(DatasetUnavailable, match=r"ask in Oulu\n.*rppgbench data add obf PATH") as caught:
        dataset_root(SPEC, {}, without="render some")
    assert caught.value.hint == "render some"
    with pytest.raises(DatasetUnavailable, match="no such folder, expected dataset 'obf' there"):
        dataset_root(SPEC, {"obf": tmp_path / "gone"}, without="")
    assert dataset_root(SPEC, {"obf": tmp_path}, without="") == tmp_path
    assert dataset_root(DatasetSpec(name="s", factory="a:B", summary="", needs_files=False), {}, without="") is None
