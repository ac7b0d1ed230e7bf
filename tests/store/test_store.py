"""Artefacts appear whole or not at all."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rppgbench.errors import ArtefactError, StoreError
from rppgbench.store.keys import canonical, key_of
from rppgbench.store.store import Store

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


@pytest.mark.parametrize("damage", ["no manifest", "a file"])
def test_what_damage_left_of_an_artefact_gives_way(tmp_path, damage):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    if damage == "no manifest":
        (store.path(key) / "manifest.json").unlink()
    else:
        shutil.rmtree(store.path(key))
        store.path(key).write_text("no folder")
    assert not store.has(key)
    assert store.publish(PREIMAGE, write_text) == key
    assert store.damage(key) is None
    assert list((tmp_path / "tmp").iterdir()) == []


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


def test_keys_are_those_of_whole_folders_in_their_place(tmp_path):
    store = Store.open(tmp_path)
    keys = {store.publish({"n": n}, write_text) for n in range(5)}
    assert list(store.keys()) == sorted(keys)
    first, second, third, *others = sorted(keys)
    (store.path(first) / "manifest.json").unlink()
    store.path(second).rename(store.path(others[0]).parent / second)
    (tmp_path / "objects" / "no folder").touch()
    (store.path(third).parent / "no key").mkdir()
    assert set(store.keys()) == {third, *others} | ({second} if second[:2] == others[0][:2] else set())


def test_the_size_of_an_artefact_is_that_of_its_files(tmp_path):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    assert store.size(key) == sum(path.stat().st_size for path in store.path(key).iterdir())
    with pytest.raises(ArtefactError, match="no such artefact"):
        store.size("0" * 40)


def test_what_is_discarded_is_gone_once_and_can_be_made_again(tmp_path):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    size = store.size(key)
    assert store.discard(key) == size
    assert not store.has(key)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert store.discard(key) == 0
    assert store.publish(PREIMAGE, write_text) == key
    assert store.damage(key) is None


def test_of_many_that_discard_the_same_one_frees_its_bytes(tmp_path):
    store = Store.open(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            key = store.publish(PREIMAGE, write_text)
            size = store.size(key)
            assert sorted(pool.map(store.discard, [key] * 8)) == [0] * 7 + [size]


def test_any_flipped_bit_is_damage(tmp_path):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    assert store.damage(key) is None
    for path in store.path(key).iterdir():
        content = path.read_bytes()
        for at in range(len(content)):
            for bit in range(8):
                path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
                assert path.name in str(store.damage(key)), (path.name, at, bit)
        path.write_bytes(content)
    assert store.damage(key) is None


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda folder: (folder / "a.txt").unlink(), "a.txt is missing"),
        (lambda folder: (folder / "a.txt").write_text("hell"), "a.txt has 4 bytes, expected 5"),
        (lambda folder: (folder / "a.txt").write_text("jello"), "a.txt has other content"),
        (lambda folder: (folder / "b.txt").touch(), "b.txt does not belong"),
        (lambda folder: (folder / "b").mkdir(), "b does not belong"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda folder: (folder / "manifest.json").write_bytes(b""), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json cannot be read: not a manifest"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff"), "manifest.json cannot be read"),
        (lambda folder: shutil.rmtree(folder), "there is no such artefact"),
    ],
)
def test_damage_is_named(tmp_path, harm, found):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    harm(store.path(key))
    assert str(store.damage(key)).startswith(found)


def test_an_artefact_under_another_key_is_damage(tmp_path):
    store = Store.open(tmp_path)
    key, other = store.publish(PREIMAGE, write_text), "ab" + "0" * 38
    store.path(other).parent.mkdir()
    store.path(key).rename(store.path(other))
    assert store.damage(other) == f"manifest.json is that of another artefact, {key}"


def test_manifests_of_before_they_had_a_sum_are_read_and_held_against_their_key(tmp_path):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    path = store.path(key) / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["sha256"]
    old = json.dumps(manifest, indent=1)  # as version 0.1 wrote it
    path.write_text(old)
    assert store.facts(key) == {"n": 1}
    assert store.damage(key) is None
    path.write_text(old.replace('"b": 1', '"b": 3'))
    assert store.damage(key) is not None
    path.write_text(old.replace("\n", " ", 1))
    assert store.damage(key) is not None


def test_a_store_that_is_read_only_is_left_as_it_is(tmp_path):
    store = Store.open(tmp_path)
    key = store.publish(PREIMAGE, write_text)
    for folder in ("tmp", "partial", "runs"):
        (tmp_path / folder).rmdir()
    reader = Store.open(tmp_path, writable=False)
    assert list(reader.keys()) == [key]
    assert reader.damage(key) is None
    reader.now()
    reader.sweep()
    for write in (lambda: reader.publish({}, write_text), lambda: reader.discard(key), lambda: reader.scratch(key)):
        with pytest.raises(StoreError, match="opened to be read"):
            write()
    assert [path.name for path in tmp_path.iterdir()] == ["objects"]


def test_where_no_store_is_none_can_be_read_and_none_is_made(tmp_path):
    with pytest.raises(StoreError, match="there is no store here"):
        Store.open(tmp_path / "none", writable=False)
    assert list(tmp_path.iterdir()) == []


def test_now_is_what_the_file_system_says(tmp_path, monkeypatch):
    store = Store.open(tmp_path)
    before = store.now()
    monkeypatch.setattr(time, "time", lambda: 0.0)  # a host whose clock is wrong
    written = tmp_path / "written"
    written.touch()
    assert before <= written.stat().st_mtime <= store.now()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_another_host_writes_is_not_swept(tmp_path):
    store = Store.open(tmp_path)
    for name in ("elsewhere@1.abc", "no writer's name"):
        (tmp_path / "tmp" / name).mkdir()
    store.sweep()
    assert len(list((tmp_path / "tmp").iterdir())) == 2
