"""The commands ``rppgbench cache``: ls, verify, gc and why."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rppgbench.cli.cache_command import cache
from rppgbench.cli.cache_options import plans
from rppgbench.errors import RppgbenchError
from rppgbench.store.store import Store

RENDER = {"stage": "render", "recording": "s1", "core": "old", "inputs": {}}


def write(folder):
    (folder / "data.bin").write_bytes(random.Random(str(folder)).randbytes(3000))
    (folder / "more.json").write_text("[1]")
    return {"file": "data.bin"}


@pytest.fixture
def store(tmp_path) -> Store:
    return Store.open(tmp_path / "store")


def call(store: Store | Path, *args: object, answer: str | None = None) -> Result:
    root = store.root if isinstance(store, Store) else store
    command, *rest = args
    result = CliRunner().invoke(cache, [str(command), "--store", str(root), *map(str, rest)], input=answer)
    assert result.exception is None or isinstance(result.exception, (SystemExit, RppgbenchError)), result.exception
    return result


def refused(*args: object) -> RppgbenchError:
    error = call(*args).exception
    assert isinstance(error, RppgbenchError)
    return error


def fill(store: Store) -> dict[str, str]:
    """A chain of artefacts; keys by stage."""
    render = store.publish(RENDER, write)
    codec = {"kind": "codec", "use": "x264", "params": {"bitrate_kbps": 250}}
    encode = store.publish({"stage": "encode", "codec": codec, "core": "1a2b", "inputs": {"video": render}}, write)
    crop = store.publish({"stage": "crop", "core": "5e6f", "inputs": {"video": encode}}, write)
    return {"render": render, "encode": encode, "crop": crop}


def run_alive(store: Store, silent_s: float = 0.0) -> None:
    folder = store.root / "runs" / "smoke-20260101T000000Z-abcdef"
    folder.mkdir()
    (folder / "alive").write_text("1.0\n")
    then = store.now() - silent_s
    os.utime(folder / "alive", (then, then))


@pytest.mark.parametrize("command", [("ls",), ("verify",), ("gc",), ("why", "1234")])
def test_a_missing_store_is_an_error_and_none_is_made(tmp_path, command):
    assert "there is no store here" in refused(tmp_path / "none", *command).message
    assert list(tmp_path.iterdir()) == []


def test_ls_sums_up(store):
    keys = fill(store)
    document = json.loads(call(store, "ls", "--json", "--keys").stdout)
    assert [stage["stage"] for stage in document["stages"]] == ["render", "encode", "crop"]
    assert {stage["stage"]: stage["keys"] for stage in document["stages"]} == {k: [v] for k, v in keys.items()}
    on_disk = sum(path.stat().st_size for path in (store.root / "objects").rglob("*") if path.is_file())
    assert document["total"]["bytes"] == on_disk
    assert document["total"]["artefacts"] == 3
    output = call(store, "ls").stdout
    assert all(stage in output for stage in keys)


def test_ls_narrows_to_a_stage_and_refuses_an_unknown_one(store):
    keys = fill(store)
    output = call(store, "ls", "--stage", "crop", "--keys").stdout
    assert output.startswith(keys["crop"])
    assert len(output.splitlines()) == 1
    assert refused(store, "ls", "--stage", "corp").hint == "did you mean 'crop'?"


@pytest.mark.parametrize("content", ["", "{", "null", '{"key": 1}', "\x00" * 100])
def test_no_manifest_makes_a_command_crash(store, content):
    keys = fill(store)
    (store.path(keys["encode"]) / "manifest.json").write_text(content)
    assert "unreadable" in call(store, "ls").stdout
    assert keys["encode"] in call(store, "ls", "--keys").stdout
    assert call(store, "verify").exit_code == 3
    assert call(store, "gc", "--stage", "crop", "--dry-run").exit_code == 0
    assert "cannot be read" in call(store, "why", keys["encode"]).stdout
    assert call(store, "why", keys["crop"]).exit_code == 0


def test_a_store_that_is_read_is_not_changed(store):
    keys = fill(store)
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*")}
    call(store, "ls")
    call(store, "verify")
    call(store, "why", keys["crop"])
    call(store, "gc", "--stage", "crop", "--dry-run")
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*")} == before


def test_verify_names_exactly_the_artefact_with_a_flipped_bit(store):
    keys = fill(store)
    assert call(store, "verify").exit_code == 0
    rng = random.Random(0)
    for stage, key in keys.items():
        for path in sorted(store.path(key).iterdir()):
            content = path.read_bytes()
            for at in (0, len(content) - 1, *rng.sample(range(len(content)), min(6, len(content)))):
                flipped = content[at] ^ 1 << rng.randrange(8)
                path.write_bytes(content[:at] + bytes([flipped]) + content[at + 1 :])
                result = call(store, "verify", "--jobs", 2)
                assert result.exit_code == 3, (stage, path.name, at)
                assert [k for k in keys.values() if k in result.stdout] == [key]
                assert path.name in result.stdout
            path.write_bytes(content)
    assert call(store, "verify").exit_code == 0


def test_verify_removes_damaged_artefacts_and_nothing_else(store):
    keys = fill(store)
    (store.path(keys["encode"]) / "data.bin").unlink()
    bare = store.path("ab" + "0" * 38)
    bare.mkdir(parents=True)
    output = call(store, "verify").stdout
    assert f"{keys['encode']}: encode s1 x264 bitrate_kbps=250: data.bin is missing" in output
    assert f"{bare}: has no manifest.json" in output
    assert "--remove" in output
    assert store.path(keys["encode"]).exists()
    assert call(store, "verify", "--remove").exit_code == 3
    assert call(store, "verify").exit_code == 0
    assert set(store.keys()) == {keys["render"], keys["crop"]}
    assert not bare.exists()


def test_gc_without_options_frees_garbage_alone(store):
    keys = fill(store)
    scratch = store.scratch(keys["crop"])
    assert "nothing to free" not in call(store, "gc", "--yes").stdout
    assert not scratch.exists()
    assert set(store.keys()) == set(keys.values())
    output = call(store, "gc", "--yes").stdout
    assert "nothing to free" in output
    assert "3 more" in output
    assert "--stale" in output


def test_gc_asks_and_frees_a_stage(store):
    keys = fill(store)
    size = store.size(keys["crop"])
    assert "nothing was freed" in call(store, "gc", "--stage", "crop", "--dry-run").stdout
    assert "nothing was freed" in call(store, "gc", "--stage", "crop", answer="n\n").stdout
    assert call(store, "gc", "--stage", "crop", answer="").exit_code == 1  # there is no input
    assert store.has(keys["crop"])
    assert "nothing to free" in call(store, "gc", "--stage", "crop", "--older-than", "1h", answer="y\n").stdout
    output = call(store, "gc", "--stage", "crop", answer="y\n").stdout
    assert f"freed {size / 1000:.0f} kB" in output
    assert set(store.keys()) == {keys["render"], keys["encode"]}


def test_gc_frees_artefacts_of_other_code(store):
    fill(store)
    assert call(store, "gc", "--stale", "--yes").exit_code == 0
    assert list(store.keys()) == []


def test_gc_refuses_while_a_run_is_alive_except_as_dry_run(store):
    keys = fill(store)
    run_alive(store)
    assert "is going on here" in refused(store, "gc", "--stage", "crop", "--yes").message
    assert call(store, "gc", "--stage", "crop", "--dry-run").exit_code == 0
    assert store.has(keys["crop"])


def test_gc_frees_after_a_run_was_killed(store):
    keys = fill(store)
    run_alive(store, silent_s=70)
    call(store, "gc", "--stage", "crop", "--yes")
    assert not store.has(keys["crop"])


@pytest.mark.parametrize(
    "options", [("--older-than", "30d"), ("--data", "a=/b"), ("--older-than", "x", "--stale"), ("--stage", "corp")]
)
def test_gc_refuses_invalid_options(store, options):
    keys = fill(store)
    assert refused(store, "gc", "--yes", *options).exit_code == 2
    assert set(store.keys()) == set(keys.values())


def test_gc_keeps_artefacts_that_a_protocol_needs(store):
    (plan,) = plans(["smoke"], [], store)
    needed = [store.publish(task.preimage, write) for task in list(plan.tasks.values())[:4]]
    others = fill(store)
    output = call(store, "gc", "--protocol", "smoke", "--dry-run").stdout
    assert all(stage in output for stage in others)
    assert call(store, "gc", "--protocol", "smoke", "--yes").exit_code == 0
    assert set(store.keys()) == set(needed)
    error = refused(store, "gc", "--protocol", "smoke", "--data", "synthetik=/x", "--yes")
    assert error.hint == "did you mean 'synthetic'?"
    refused(store, "gc", "--protocol", "no such protocol", "--yes")
    assert set(store.keys()) == set(needed)


def test_why_describes_an_artefact(store):
    keys = fill(store)
    output = call(store, "why", keys["encode"][:10].upper()).stdout
    for expected in (
        keys["encode"],
        "encode s1 x264 bitrate_kbps=250",
        f"video: {keys['render'][:12]} render s1",
        'codec.use: "x264"',
        'file: "data.bin"',
        f"{keys['crop'][:12]} crop s1",
        str(store.path(keys["encode"])),
    ):
        assert expected in output


def test_why_refuses_prefixes_that_are_short_unknown_or_of_several(store):
    fill(store)
    for wrong in ("123", "ghij"):
        assert "hexadecimal" in refused(store, "why", wrong).message
    assert "no run here tells of it" in refused(store, "why", "0" * 39).message
    keys = sorted(store.publish({"stage": "truth", "n": n, "inputs": {}}, write) for n in range(3))
    for key in keys[1:]:
        # Two keys that begin alike are one in 65,536: the folder of one is given such a name.
        store.path(keys[0][:4] + key[4:]).parent.mkdir(exist_ok=True)
        store.path(key).rename(store.path(keys[0][:4] + key[4:]))
    assert "3 keys begin so" in refused(store, "why", keys[0][:4]).message


def test_why_shows_the_change_for_which_an_artefact_is_computed_again(store):
    (plan,) = plans(["smoke"], [], store)
    traces = next(task for task in plan.tasks.values() if task.stage == "traces" and "clock" in task.inputs)
    encode, render = plan.tasks[traces.inputs["video"]], plan.tasks[traces.inputs["clock"]].inputs["video"]
    preimage = plan.tasks[render].preimage
    old_render = store.publish({**preimage, "code": {**preimage["code"], "core": "1a2b"}}, write)
    old_encode = store.publish({**encode.preimage, "inputs": {"video": old_render}}, write)
    output = call(store, "why", encode.key, "--protocol", "smoke").stdout
    assert "not in the store" in output
    assert old_encode[:12] in output
    assert f'video > code.core: "1a2b" -> "{plan.tasks[render].code.core}"' in output
    assert output.count(" -> ") == 1
    output = call(store, "why", traces.key, "--protocol", "smoke").stdout
    assert "never made, or was taken away" in output


def test_why_describes_a_removed_artefact_by_its_readers(store):
    keys = fill(store)
    store.discard(keys["encode"])
    output = call(store, "why", keys["encode"]).stdout
    assert "not in the store" in output
    assert f"{keys['crop'][:12]} crop" in output
    assert "--protocol" in output
