"""Locks as text, differences between two, and merging."""

from __future__ import annotations

import json

import pytest

from rppgbench.errors import RppgbenchError
from rppgbench.protocol.lock import Bitstream, DatasetFacts, Lock, RecordingFacts, lock_path, read_lock
from rppgbench.protocol.lock_diff import diff_locks, differing, merge_locks

X264 = {"id": "x264-60k", "reference": False, "use": "x264", "version": 1, "params": {"bitrate_kbps": 60.0}}
RESOLVED = {
    "name": "tiny",
    "version": 1,
    "dataset": {"use": "faces", "version": 1, "params": {}},
    "folds": {"scheme": "subject_kfold", "k": 2, "seed": 0},
    "conditions": [{"id": "reference", "reference": True, "use": "original", "version": 1, "params": {}}, X264],
    "training": {"enhancers_learn_on": {"use": "others", "version": 1, "params": {}}},
    "clips": {"length_s": 30.0},
}
SUMS = {"s1": "a" * 40, "s2": "b" * 40}


def facts(sums=SUMS, complete=True, **changes):
    recordings = {
        name: RecordingFacts(**{"subject": name, "fps_hz": 30.0, "duration_s": 60.0, "video": total, **changes})
        for name, total in sums.items()
    }
    return DatasetFacts.of(recordings, complete)


def streams(*sums):
    return {"faces": {"x264-60k": {f"s{n}": Bitstream(sha256=total, bitrate_bps=60e3) for n, total in enumerate(sums)}}}


def a_lock(**changes):
    given = {
        "protocol": "tiny",
        "version": 1,
        "digest": "d" * 64,
        "resolved": RESOLVED,
        "folds": (("s1",), ("s2",)),
        "datasets": {"faces": facts(), "others": None},
        "encoders": {"x264-60k": "x264 core 165"},
        "bitstreams": streams("1" * 64, "2" * 64),
    }
    return Lock(**{**given, **changes})


@pytest.fixture
def lock():
    return a_lock()


def test_it_comes_back_from_its_text(lock, tmp_path):
    path = tmp_path / "tiny.lock.json"
    path.write_text(lock.text())
    assert read_lock(path) == lock
    assert read_lock(path).text() == lock.text()


def test_equal_locks_are_equal_texts_whatever_the_order(lock):
    shuffled = a_lock(
        resolved=dict(reversed(RESOLVED.items())),
        datasets={"others": None, "faces": facts(dict(reversed(SUMS.items())))},
    )
    assert shuffled.text() == lock.text()
    assert lock.text().endswith("}\n")
    assert list(json.loads(lock.text())) == sorted(json.loads(lock.text()))


def test_the_text_says_what_the_lock_cannot(lock):
    assert json.loads(lock.text())["not_here"] == {"datasets.others": "its files were not here"}
    nothing = a_lock(folds=None, datasets={"faces": None}, encoders={"x264-60k": None}, bitstreams={})
    assert set(dict(nothing.not_here)) == {"folds", "datasets.faces", "encoders.x264-60k"}
    assert dict(a_lock(bitstreams={"faces": {}}).not_here)["bitstreams"] == "nothing was encoded here yet"


def test_the_digest_of_a_dataset_is_that_of_all_its_recordings():
    assert facts().digest == facts(dict(reversed(SUMS.items()))).digest
    others = [facts({"s1": SUMS["s1"]}), facts(SUMS | {"s2": "c" * 40}), facts(fps_hz=25.0), facts(truth="d" * 40)]
    assert len({facts().digest, *(other.digest for other in others)}) == 5


def test_a_lock_lies_beside_its_protocol(tmp_path):
    assert lock_path(tmp_path / "tiny.yaml") == tmp_path / "tiny.lock.json"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "cannot be read"),
        ("[]", "valid dictionary"),
        ("{}", "protocol: Field required"),
        ('{"lock": 2}', "lock: Input should be 1"),
        ('{"lock": 1, "protokoll": "tiny"}', "protocol: Field required"),
    ],
)
def test_a_file_that_is_no_lock_is_refused(tmp_path, text, complaint):
    path = tmp_path / "tiny.lock.json"
    path.write_text(text)
    with pytest.raises(RppgbenchError) as caught:
        read_lock(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert complaint in caught.value.message
    assert "rppgbench lock PROTOCOL" in caught.value.hint


def test_a_lock_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RppgbenchError, match=r"tiny\.lock\.json: no such lock"):
        read_lock(tmp_path / "tiny.lock.json")


def test_a_lock_agrees_with_itself(lock):
    found = diff_locks(lock, lock)
    assert not found.different
    assert found.same == [
        "meaning: tiny v1, digest dddddddddddd",
        "folds: 2",
        "dataset faces: 2 of 2 locked recordings",
        "encoder of x264-60k: x264 core 165",
        "bitstreams of x264-60k: 2 of 2 locked",
    ]
    assert found.unknown == ["dataset others: the lock has none of its files"]


@pytest.mark.parametrize(
    ("here", "line"),
    [
        ({"folds": (("s2",), ("s1",))}, "fold 1: tests s2 | s1"),
        ({"folds": (("s1",), ("s2",), ("s3",))}, "fold 2: tests (absent) | s3"),
        (
            {"datasets": {"faces": facts(SUMS | {"s2": "c" * 40}), "others": None}},
            f"dataset faces, s2: video: {'b' * 40} | {'c' * 40}",
        ),
        ({"datasets": {"faces": facts(fps_hz=29.97), "others": None}}, "dataset faces, s1: fps_hz: 30.0 | 29.97"),
        ({"datasets": {"faces": facts(SUMS | {"s3": "c" * 40}), "others": None}}, "dataset faces, s3: (absent) | here"),
        ({"encoders": {"x264-60k": "another"}, "bitstreams": {}}, "encoder of x264-60k: x264 core 165 | another"),
        (
            {"bitstreams": streams("1" * 64, "3" * 64)},
            f"bitstream of s1 (faces), x264-60k: {'2' * 64} 60000 bit/s | {'3' * 64} 60000 bit/s",
        ),
    ],
)
def test_a_difference_is_a_line(lock, here, line):
    assert line in diff_locks(lock, a_lock(**here)).different


def test_missing_facts_are_unknown_and_no_difference(lock):
    bare = a_lock(folds=None, datasets={"faces": None, "others": None}, encoders={"x264-60k": None}, bitstreams={})
    found = diff_locks(lock, bare)
    assert not found.different
    assert found.unknown == [
        "folds: this machine does not know the subjects",
        "dataset faces: this machine has none of its files",
        "dataset others: the lock has none of its files",
        "encoder of x264-60k: this machine does not know its build",
        "bitstreams of x264-60k: 2 of 2 locked are not in this store",
    ]


def test_a_part_of_the_data_agrees_as_far_as_it_goes(lock):
    part = a_lock(
        datasets={"faces": facts({"s1": SUMS["s1"]}, complete=False), "others": None}, bitstreams=streams("1" * 64)
    )
    found = diff_locks(lock, part)
    assert not found.different
    assert "dataset faces: 1 of 2 locked recordings" in found.same
    assert "dataset faces: 1 of 2 locked recordings are not here" in found.unknown
    assert "bitstreams of x264-60k: 1 of 2 locked are not in this store" in found.unknown
    # The other way round, a lock of a part says nothing against more.
    assert not diff_locks(part, lock).different


def test_another_build_that_makes_the_same_bits_is_no_difference(lock):
    assert not diff_locks(lock, a_lock(encoders={"x264-60k": "x264 core 164"})).different


def changed(**changes):
    return {"resolved": RESOLVED | changes, "digest": "e" * 64}


def test_a_changed_protocol_is_compared_key_by_key(lock):
    found = diff_locks(lock, a_lock(**changed(clips={"length_s": 20.0})))
    assert found.different == ["meaning: clips.length_s: 30.0 | 20.0"]


def test_datasets_and_conditions_declared_differently_are_not_compared(lock):
    other = {"use": "faces", "version": 2, "params": {}}
    found = diff_locks(
        lock, a_lock(**changed(dataset=other), datasets={"faces": facts({"s1": "f" * 40}), "others": None})
    )
    assert found.different == ["meaning: dataset.version: 1 | 2"]
    slower = X264 | {"params": {"bitrate_kbps": 60.0, "preset": "slow"}}
    found = diff_locks(
        lock, a_lock(**changed(conditions=[RESOLVED["conditions"][0], slower]), bitstreams=streams("9" * 64))
    )
    assert found.different == ["meaning: conditions[x264-60k].params.preset: (absent) | slow"]


def test_lines_of_two_trees():
    one = {"a": {"b": 1, "c": [1, 2]}, "items": [{"id": "x", "n": 1}]}
    other = {"a": {"b": 2, "c": [1, 2]}, "items": [{"id": "x", "n": 1}, {"id": "y", "n": 2}]}
    assert list(differing(one, other)) == ["a.b: 1 | 2", "items[y].id: (absent) | y", "items[y].n: (absent) | 2"]


def test_merging_keeps_what_is_not_here(lock):
    bare = a_lock(
        folds=None, datasets={"faces": None, "others": facts()}, encoders={"x264-60k": None}, bitstreams={"others": {}}
    )
    assert merge_locks(lock, bare) == a_lock(
        datasets={"faces": facts(), "others": facts()}, bitstreams={**streams("1" * 64, "2" * 64), "others": {}}
    )


def test_merging_adds_what_is_new(lock):
    part = a_lock(
        datasets={"faces": facts({"s3": "c" * 40}, complete=False), "others": None},
        bitstreams={"faces": {"x264-60k": {"s3": Bitstream(sha256="3" * 64, bitrate_bps=1.0)}}},
    )
    both = merge_locks(lock, part)
    assert sorted(both.datasets["faces"].recordings) == ["s1", "s2", "s3"]
    assert both.datasets["faces"].complete
    assert sorted(both.bitstreams["faces"]["x264-60k"]) == ["s0", "s1", "s3"]
    assert both.datasets["faces"].digest == facts(SUMS | {"s3": "c" * 40}).digest


def test_merging_takes_nothing_from_another_meaning(lock):
    other = a_lock(
        **changed(dataset={"use": "faces", "version": 2, "params": {}}),
        version=2,
        folds=None,
        datasets={"faces": None, "others": None},
        bitstreams={},
    )
    both = merge_locks(lock, other)
    assert (both.version, both.folds, both.datasets["faces"]) == (2, None, None)
    assert not both.bitstreams.get("faces")
