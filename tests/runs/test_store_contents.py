"""Contents of a store: artefacts, leftovers, live runs, damage, removal; and the history of artefacts."""

from __future__ import annotations

import json
import os

import pytest

from rppgbench.pipeline.provenance import code_versions
from rppgbench.pipeline.stages import stages
from rppgbench.registry import load_registry
from rppgbench.runs.artefact_history import ArtefactHistory
from rppgbench.runs.store_contents import StoredArtefact, damaged, leftovers, live_runs, removable, stored_artefacts
from rppgbench.store.keys import key_of
from rppgbench.store.store import Store
from rppgbench.store.writer_id import new_name

DAY_S = 86400.0
RENDER = {"stage": "render", "recording": "s1 rest", "inputs": {}}


def write(folder):
    (folder / "a.txt").write_text("hello")
    return {}


def publish(store: Store, preimage) -> str:
    return store.publish(preimage, write)


def aged(path, seconds: float):
    """The path, last written so long ago."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    return path


@pytest.fixture
def store(tmp_path) -> Store:
    return Store.open(tmp_path)


def test_all_artefacts_are_listed_also_one_with_a_broken_manifest(store):
    key = publish(store, RENDER)
    broken = publish(store, {"stage": "encode", "inputs": {}})
    (store.path(broken) / "manifest.json").write_text('{"made": 3}')
    found = {entry.key: entry for entry in stored_artefacts(store)}
    assert (found[key].stage, found[key].bytes) == ("render", store.size(key))
    assert found[key].made_s == pytest.approx(store.now(), abs=60)
    assert (found[broken].stage, found[broken].bytes) == ("unreadable", 5 + 11)
    assert found[broken].made_s is None


def test_leftovers_are_named_and_judged(store):
    key = publish(store, RENDER)
    root = store.root
    (root / "partial" / key[:2] / key).mkdir(parents=True)
    for name in ("a" * 40, "b" * 40):
        (root / "partial" / name[:2] / name).mkdir(parents=True)
    aged(root / "partial" / "bb" / ("b" * 40), 31 * DAY_S)
    (root / "tmp" / new_name()).mkdir()  # this process is alive
    (root / "tmp" / "elsewhere@7.x").mkdir()
    (root / "tmp" / "elsewhere@8.x").mkdir()
    aged(root / "tmp" / "elsewhere@8.x", 1.1 * DAY_S)
    (root / "objects" / "cc" / ("c" * 40)).mkdir(parents=True)
    (root / "objects" / "cc" / ("d" * 40)).mkdir()
    (root / "objects" / "cc" / "notes").touch()
    judged = {(one.place, one.path.name[:20]): one.garbage for one in leftovers(store)}
    assert judged == {
        ("partial", key[:20]): True,
        ("partial", "a" * 20): False,
        ("partial", "b" * 20): True,
        ("tmp", "elsewhere@7.x"): False,
        ("tmp", "elsewhere@8.x"): True,
        ("objects", "c" * 20): True,
        ("objects", "d" * 20): False,
        ("objects", "notes"): False,
    }


def test_what_is_written_in_an_old_folder_is_not_abandoned(store):
    folder = store.root / "tmp" / "elsewhere@7.x"
    folder.mkdir()
    (folder / "video.mkv").touch()
    aged(folder, 2 * DAY_S)
    assert [one.garbage for one in leftovers(store)] == [False]


def test_a_run_lives_while_its_alive_file_is_fresh(store):
    def run(name, silent_s, *events):
        folder = store.root / "runs" / name
        folder.mkdir()
        (folder / "alive").write_text("1.0\n")
        aged(folder / "alive", silent_s)
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))

    run("lives", 30, {"status": "started"})
    run("silent", 90, {"status": "started"})
    run("ended", 1, {"status": "started"}, {"status": "ended"})
    run("clock ahead", -300, {"status": "started"})
    (store.root / "runs" / "old").mkdir()
    assert live_runs(store) == ["clock ahead", "lives"]


def test_damage_is_found_in_any_order_and_what_was_taken_away_is_none(store):
    keys = [publish(store, {"n": n}) for n in range(9)]
    for key in keys[2], keys[7]:
        (store.path(key) / "a.txt").write_text("jello")
    store.discard(keys[5])
    calls = []
    found = dict(damaged(store, keys, jobs=3, checked=lambda: calls.append(1)))
    assert found.keys() == {keys[2], keys[7]}
    assert len(calls) == 9


def test_every_condition_narrows_and_none_selects_nothing():
    found = [
        StoredArtefact("a", 1, "crop", "2026-01-01T00:00:00Z"),
        StoredArtefact("b", 1, "crop", "2026-01-03T00:00:00Z"),
        StoredArtefact("c", 1, "fit", "2026-01-01T00:00:00Z"),
        StoredArtefact("d", 1, "crop", "unknown"),
    ]

    def selected(**conditions):
        return "".join(entry.key for entry in removable(found, **conditions))

    noon = StoredArtefact("", 0, "", "2026-01-02T12:00:00Z").made_s
    assert noon == 1767355200.0  # of `date -u -d 2026-01-02T12:00:00Z +%s`
    assert selected() == ""
    assert selected(before_s=noon) == ""
    assert selected(stages=["crop"]) == "abd"
    assert selected(needed=[]) == "abcd"
    assert selected(needed=["a"], stages=["crop"]) == "bd"
    assert selected(stages=["crop"], before_s=noon) == "a"
    assert selected(stale=["b", "c"]) == "bc"
    assert selected(stale=[]) == ""


def test_artefacts_of_other_code_are_stale_and_so_is_what_was_made_from_them(store):
    registry = load_registry()

    def code(stage, *components):
        return {"code": code_versions(stages()[stage].module, components).described()}

    x264, unknown = registry.spec("codec", "x264"), {"core": "1", "components": {"codec nowhere": "1"}, "libraries": {}}
    fresh = publish(store, {**RENDER, **code("render")})
    old = publish(store, RENDER)
    encoded = {"stage": "encode", "codec": {"kind": "codec", "use": "x264"}, **code("encode", x264)}
    above = {key: publish(store, {**encoded, "inputs": {"video": key}}) for key in (fresh, old)}
    updated = {**encoded["code"], "components": {"codec x264": "another"}}
    outdated = publish(store, {**encoded, "code": updated, "inputs": {"video": fresh}})
    strange = publish(store, {**encoded, "code": unknown, "inputs": {"video": fresh}})
    history = ArtefactHistory(store, stored_artefacts(store), registry=registry)
    keys = {fresh, old, outdated, strange, *above.values()}
    assert {key for key in keys if history.is_stale(key)} == {old, above[old], outdated}
    assert not any(ArtefactHistory(store, stored_artefacts(store)).is_stale(key) for key in keys), "nobody can tell"


def encode(video: str, kbps: int = 250, **more):
    codec = {"kind": "codec", "use": "x264", "params": {"bitrate_kbps": kbps}}
    return {"stage": "encode", "codec": codec, "code": {"core": "e"}, "inputs": {"video": video}, **more}


def test_the_cause_of_a_difference_is_sought_in_the_inputs(store):
    old, new = (publish(store, {**RENDER, "code": {"core": core}}) for core in ("old", "new"))
    history = ArtefactHistory(store, stored_artefacts(store))
    (difference,) = history.differences(encode(new), encode(old))
    assert (difference.path, difference.found, difference.wanted) == ("video > code.core", '"old"', '"new"')
    assert difference.by_version
    (difference,) = history.differences(encode(new), encode("f" * 40))
    assert difference.path == "video"


def test_the_nearest_differs_by_version_rather_than_by_what_was_asked(store):
    render, other = publish(store, RENDER), publish(store, {**RENDER, "recording": "s2 rest"})
    wanted = publish(store, encode(render))
    older = publish(store, encode(render, code={"core": "before"}, build="b"))
    publish(store, encode(render, kbps=500))
    publish(store, encode(other))
    history = ArtefactHistory(store, stored_artefacts(store))
    entry, differences = history.nearest(wanted)
    assert entry.key == older
    assert {difference.path: difference.wanted for difference in differences} == {"code.core": '"e"', "build": None}
    assert history.nearest(other) is None


def test_names_are_those_of_runs_else_of_what_things_are(store):
    render = publish(store, RENDER)
    key = publish(store, encode(render))
    (store.root / "sources").mkdir()
    (store.root / "sources" / "1.json").write_text(json.dumps({"key": "file:12", "path": "/data/v.avi"}))
    (store.root / "sources" / "2.json").write_text("{")
    user = publish(store, encode("file:12"))
    history = ArtefactHistory(store, stored_artefacts(store))
    assert history.name(key) == "encode s1 rest x264 bitrate_kbps=250"
    assert history.name(user) == "encode /data/v.avi x264 bitrate_kbps=250"
    assert history.name("file:12") == "/data/v.avi"
    run = store.root / "runs" / "smoke"
    run.mkdir()
    lost = key_of({"n": 1})
    lines = [{"key": key, "task": "encode s1 rest x264-250k"}, {"key": lost, "task": "crop s1 rest"}]
    (run / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"cut sho')
    history = ArtefactHistory(store, stored_artefacts(store))
    assert history.name(key) == "encode s1 rest x264-250k"
    assert history.name(lost) == "crop s1 rest"
    assert history.keys == {render, key, user, lost}
    assert [reader.key for reader in history.readers(render)] == [key]
