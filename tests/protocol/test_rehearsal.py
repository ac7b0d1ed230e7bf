"""A rehearsal has the same dataset, folds, conditions and entries at toy size."""

import pytest

from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry

LEARNED = """\
training: {enhancers_learn_from: [x264], seeds: [3, 4]}
entries:
  - {method: pos}
  - {method: rppgnet}
  - {method: {use: rppgnet, size: released}}
  - {method: {use: rppgnet, ablation: base, recipe: {epochs: 3}}}
  - {enhancer: {use: stven, recipe: {batch: 2}}, method: rppgnet, train: joint, joint: {reconstruction: 3.0}}
"""


@pytest.fixture
def both(text, tmp_path):
    """A protocol, and its rehearsal."""
    path = tmp_path / "tiny.yaml"
    path.write_text(text[: text.index("entries:")] + LEARNED)
    return load_protocol(path, load_registry()), load_protocol(path, load_registry(), rehearse=True)


def test_a_rehearsal_keeps_the_protocol_under_another_digest(both):
    real, rehearsal = both
    for same in ("name", "version", "dataset", "folds"):
        assert getattr(rehearsal, same) == getattr(real, same)
    assert [c.id for c in rehearsal.conditions] == [c.id for c in real.conditions]
    assert [c.codec.params.passes for c in real.conditions[1:]] == [2, 2]
    assert [c.codec.params.passes for c in rehearsal.conditions[1:]] == [1, 1]
    assert rehearsal.rehearsal and not real.rehearsal
    assert rehearsal.digest != real.digest
    assert rehearsal.resolved()["rehearsal"] is True
    assert "rehearsal" not in real.resolved()


def test_every_learner_is_small_and_quick(both):
    _, rehearsal = both
    assert rehearsal.clips.size == (32, 32)
    assert rehearsal.training.seeds == (3,)
    learners = [entry for entry in rehearsal.entries if entry.method_training]
    for entry in learners:
        specs = [entry.method_training, *([entry.enhancer_training] if entry.enhancer_training else [])]
        recipes = [*(spec.recipe for spec in specs), *([entry.joint] if entry.joint else [])]
        assert {(recipe.iterations, recipe.epochs, recipe.frames) for recipe in recipes} == {(8, None, 32)}
        assert entry.method.params.size == "small"
    assert learners[-1].enhancer.params.size == "small"


def test_entries_keep_the_ids_of_the_full_size_protocol(both):
    real, rehearsal = both
    assert [entry.id for entry in rehearsal.entries] == [entry.id for entry in real.entries]
    assert len(real.entries) == 5
