"""Artefacts appear whole or not at all."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import time

import pytest

from rppgbench.engine.keys import canonical, code_digest, key_of
from rppgbench.engine.store import Store
from rppgbench.errors import ArtefactError, StoreError

PREIMAGE = {"stage": "encode", "params": {"b": 1, "a": [1.5, None]}}


def write_text(folder):
    (folder / "a.txt").write_text("hello")
    return {"n": 1}


def test_a_published_artefact_has_its_files_facts_and_preimage(tmp_path):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    assert key == key_of(PREIMAGE)
    assert (store.path(key) / "a.txt").read_text() == "hello"
    manifest = store.manifest(key)
    assert manifest["preimage"] == PREIMAGE
    assert store.facts(key) == {"n": 1}
    # SHA-256 of "hello", from any other implementation
    assert manifest["files"]["a.txt"] == {
        "bytes": 5,
        "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    }


def test_a_writer_that_raises_leaves_nothing(tmp_path):
    store = Store.open(tmp_path)

    def fail(folder):
        write_text(folder)
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        store.publish(PREIMAGE, fail)
    assert not store.has(key_of(PREIMAGE))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_first_of_two_writers_of_one_key_stays(tmp_path):
    store = Store.open(tmp_path)

    def overtaken(folder):
        store.publish(PREIMAGE, write_text)
        (folder / "a.txt").write_text("late")
        return {"n": 2}

    key = store.publish(PREIMAGE, overtaken)
    assert (store.path(key) / "a.txt").read_text() == "hello"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_full_disk_is_named_with_its_remedy(tmp_path):
    store = Store.open(tmp_path)

    def full(folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreError, match="No space left") as caught:
        store.publish(PREIMAGE, full)
    assert "--store" in str(caught.value.hint)


def test_a_tasks_own_trouble_with_files_is_not_the_stores(tmp_path):
    store = Store.open(tmp_path)

    def refused(folder):
        raise PermissionError(errno.EACCES, "Permission denied", "/the/plugins/own/file")

    with pytest.raises(PermissionError):
        store.publish(PREIMAGE, refused)


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(StoreError, match="taken: the store cannot be written"):
        Store.open(tmp_path / "taken")


def test_what_a_killed_writer_left_is_swept_and_a_living_one_is_not(tmp_path):
    store = Store.open(tmp_path)
    process = multiprocessing.get_context("fork").Process(target=store.publish, args=(PREIMAGE, hang))
    process.start()
    while not list((tmp_path / "tmp").iterdir()):
        time.sleep(0.01)
    Store.open(tmp_path)
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    process.kill()
    process.join()
    Store.open(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not store.has(key_of(PREIMAGE))


def hang(folder):
    write_text(folder)
    time.sleep(60)
    return {}


def test_a_broken_manifest_says_which_folder_to_remove(tmp_path):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    (store.path(key) / "manifest.json").write_text("{")
    with pytest.raises(ArtefactError) as caught:
        store.manifest(key)
    assert str(store.path(key)) in str(caught.value.hint)


def test_keys_do_not_depend_on_the_order_of_the_preimage():
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert json.loads(canonical(PREIMAGE)) == PREIMAGE


def test_a_preimage_cannot_hold_nan():
    with pytest.raises(ValueError, match="Out of range float"):
        key_of({"a": float("nan")})


def test_the_digest_of_code_changes_with_any_line(tmp_path, monkeypatch):
    package = tmp_path / "some_code"
    package.mkdir()
    (package / "__init__.py").write_text("a = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = code_digest("some_code")
    code_digest.cache_clear()
    assert code_digest("some_code") == before
    (package / "more.py").write_text("b = 2\r\n")
    code_digest.cache_clear()
    with_file = code_digest("some_code")
    (package / "more.py").write_text("b = 2\n")
    code_digest.cache_clear()
    assert with_file != before
    assert code_digest("some_code") == with_file, "line ends of another system are no change"
