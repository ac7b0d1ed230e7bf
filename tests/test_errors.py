"""Errors have a hint, and are pickled from a worker process to the driver."""

from __future__ import annotations

import pickle

import pytest

from rppgbench.errors import MediaError, NoFaceFound, RppgbenchError, existing_file, nearest


def test_an_error_keeps_message_hint_and_frame_when_pickled():
    error = pickle.loads(pickle.dumps(NoFaceFound("no face", hint="look", frame_png=b"png")))
    assert (type(error), error.message, error.hint, error.frame_png) == (NoFaceFound, "no face", "look", b"png")
    assert str(error) == "no face\n  -> look"


def test_an_error_without_a_hint_prints_one_line():
    assert str(RppgbenchError("no")) == "no"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("chorm", ["pos", "chrom"], "did you mean 'chrom'?"),
        ("zzz", ["pos", "chrom"], "known: chrom, pos"),
        ("zzz", [], "nothing is registered"),
    ],
)
def test_nearest(name, known, hint):
    assert nearest(name, known) == hint


def test_a_missing_file_suggests_its_neighbour(tmp_path):
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(MediaError) as caught:
        existing_file(tmp_path / "clip.mp5")
    assert str(tmp_path / "clip.mp4") in str(caught.value.hint)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(MediaError, match="is a folder"):
        existing_file(tmp_path)
