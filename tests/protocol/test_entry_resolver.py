"""Entries with trained components: their ids, training conditions, and errors with their place."""

from __future__ import annotations

import pytest

from rppgbench.errors import ProtocolError
from rppgbench.learning.recipe import JointRecipe

ENTRIES = "  - {method: pos}\n  - {method: chrom}\n"
RPPGNET = "{use: rppgnet, size: small}"
CONDITIONS = ("reference", "x264-250k", "x264-60k")


@pytest.fixture
def entry(protocol, text):
    """A function from an entry as written, and a training section, to the resolved entry."""

    def loaded(written: str, training: str = ""):
        section = f"training: {training}\n" if training else ""
        (resolved,) = protocol(section + text.replace(ENTRIES, f"  - {written}\n")).entries
        return resolved

    return loaded


@pytest.mark.parametrize(
    ("written", "id"),
    [
        ("{method: rppgnet}", "rppgnet"),
        ("{method: {use: rppgnet, size: small}}", "rppgnet(size=small)"),
        ("{method: {use: rppgnet, recipe: {iterations: 5}}}", "rppgnet(iterations=5)"),
        ("{enhancer: identity, method: pos}", "identity + pos"),
        ("{enhancer: stven, method: rppgnet, train: joint}", "stven + rppgnet [joint]"),
        ("{enhancer: stven, method: rppgnet, train: separate}", "stven + rppgnet"),
        ("{method: rppgnet, methods_learn_from: all}", "rppgnet [method from all]"),
        ("{method: rppgnet, methods_learn_from: [x264-60k, reference]}", "rppgnet [method from x264-60k+reference]"),
        ("{enhancer: dncnn, method: pos, enhancers_learn_from: [x264]}", "dncnn + pos [enhancer from x264]"),
        (
            "{enhancer: {use: stven, recipe: {batch: 2}}, method: rppgnet, train: joint, joint: {target: both}, "
            "methods_learn_from: condition, enhancers_learn_from: all}",
            "stven(batch=2) + rppgnet [joint, target=both, method from condition, enhancer from all]",
        ),
    ],
)
def test_an_id_names_what_is_not_at_its_default(entry, written, id):
    assert entry(written).id == id


def test_entries_that_differ_in_training_alone_stand_side_by_side(protocol, text):
    several = [
        "{method: rppgnet}", "{method: rppgnet, methods_learn_from: all}",
        "{method: {use: rppgnet, recipe: {batch: 2}}}", "{enhancer: stven, method: rppgnet}",
        "{enhancer: stven, method: rppgnet, train: joint}",
        "{enhancer: stven, method: rppgnet, train: joint, joint: {target: truth}}",
    ]  # fmt: skip
    loaded = protocol(text.replace(ENTRIES, "".join(f"  - {written}\n" for written in several)))
    assert len({resolved.id for resolved in loaded.entries}) == len(several)
    assert len({str(resolved.described()) for resolved in loaded.entries}) == len(several)


@pytest.mark.parametrize(
    ("learn_from", "tested", "expected"),
    [
        ("reference", "x264-60k", ("reference",)),
        ("all", "x264-60k", CONDITIONS),
        ("condition", "x264-60k", ("x264-60k",)),
        ("condition", "reference", ("reference",)),
        ("[x264]", "reference", ("x264-250k", "x264-60k")),
        ("[x264-60k, reference]", "x264-250k", ("reference", "x264-60k")),
        ("[original]", "x264-250k", ("reference",)),
    ],
)
@pytest.mark.parametrize("of_protocol", [True, False])
def test_the_training_conditions_of_a_method(entry, learn_from, tested, expected, of_protocol):
    if of_protocol:
        found = entry("{method: rppgnet}", f"{{methods_learn_from: {learn_from}}}")
    else:
        found = entry(f"{{method: rppgnet, methods_learn_from: {learn_from}}}")
    assert found.method_training.conditions(tested) == expected


def test_an_entry_overrides_the_protocol(entry):
    found = entry("{method: rppgnet, methods_learn_from: [x264-60k]}", "{methods_learn_from: all}")
    assert found.method_training.conditions("reference") == ("x264-60k",)


@pytest.mark.parametrize(("learn_from", "expected"), [("all", CONDITIONS[1:]), ("[x264-60k]", CONDITIONS[2:])])
def test_an_enhancer_is_never_trained_on_the_reference(entry, learn_from, expected):
    found = entry(f"{{enhancer: stven, method: pos, enhancers_learn_from: {learn_from}}}")
    assert [found.enhancer_training.conditions(tested) for tested in CONDITIONS] == [expected] * 3
    assert found.method_training is None


def test_an_enhancer_is_never_trained_on_an_encoded_reference(protocol, text):
    changed = text.replace("reference: {use: original}", "reference: {use: x264, preset: ultrafast, bitrate_kbps: 900}")
    changed = changed.replace(ENTRIES, "  - {enhancer: stven, method: rppgnet, enhancers_learn_from: [x264]}\n")
    (found,) = protocol(changed.replace("name: tiny", "name: tiny\ntraining: {methods_learn_from: [x264]}")).entries
    assert found.enhancer_training.condition_ids == CONDITIONS[1:]
    assert found.method_training.condition_ids == CONDITIONS


def test_a_recipe_changes_key_by_key(entry):
    plain = entry(f"{{method: {RPPGNET}}}").method_training.recipe
    changed = entry("{method: {use: rppgnet, size: small, recipe: {epochs: 2, batch: 1}}}").method_training.recipe
    assert plain.iterations is not None
    assert changed == plain.model_copy(update={"iterations": None, "epochs": 2.0, "batch": 1})


def test_a_joint_recipe_is_the_enhancers_with_changes(entry):
    found = entry(f"{{enhancer: stven, method: {RPPGNET}, train: joint, joint: {{iterations: 3, target: truth}}}}")
    assert isinstance(found.joint, JointRecipe)
    assert (found.joint.iterations, found.joint.epochs, found.joint.target) == (3, None, "truth")
    assert found.train == "joint"
    assert found.enhancer_training.recipe != found.joint


@pytest.mark.parametrize(
    ("written", "seeded", "train"),
    [
        ("{method: pos}", False, None),
        ("{method: mean_hr}", False, None),
        ("{enhancer: identity, method: pos}", False, None),
        ("{enhancer: dncnn, method: pos}", True, "separate"),
        ("{method: rppgnet}", True, None),
        ("{enhancer: identity, method: rppgnet}", True, None),
        ("{enhancer: dncnn, method: rppgnet, train: joint}", True, "joint"),
    ],
)
def test_only_entries_trained_by_gradients_are_seeded(entry, written, seeded, train):
    found = entry(written)
    assert (found.seeded, found.train) == (seeded, train)


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        ("{method: {use: rppgnet, recipe: {iteration: 3}}}", 38, "'iteration' (did you mean 'iterations'?)"),
        ("{method: {use: rppgnet, recipe: {batch: 0}}}", 38, "batch: Input should be greater than or equal to 1"),
        ("{method: {use: rppgnet, recipe: {iterations: 3, epochs: 1}}}", 37, "expected either iterations or epochs"),
        ("{enhancer: stven, method: rppgnet, train: joint, joint: {targt: both}}", 62, "did you mean 'target'?"),
        ("{enhancer: stven, method: rppgnet, train: joint, joint: {target: bth}}", 62, "'truth' or 'both'"),
        ("{method: pos, train: joint}", 19, "train: joint needs an enhancer and a method that both learn from clips"),
        ("{method: rppgnet, train: joint}", 23, "train: joint needs an enhancer"),
        ("{enhancer: dncnn, method: pos, train: joint}", 36, "train: joint needs an enhancer"),
        ("{enhancer: identity, method: rppgnet, train: joint}", 43, "train: joint needs an enhancer"),
        ("{method: rppgnet, train: jiont}", 30, "'separate' or 'joint', got 'jiont'"),
        ("{enhancer: stven, method: rppgnet, joint: {epochs: 1}}", 40, "a recipe of joint training needs train: joint"),
        ("{method: rppgnet, methods_learn_from: [x265]}", 43, "is called 'x265' (did you mean 'x264'?)"),
        ("{method: rppgnet, methods_learn_from: [condition]}", 43, "no codec or condition here is called 'condition'"),
        ("{method: rppgnet, methods_learn_from: []}", 43, "at least 1 item"),
        ("{method: rppgnet, methods_learn_frm: all}", 23, "(did you mean 'methods_learn_from'?)"),
        ("{enhancer: dncnn, method: pos, enhancers_learn_from: [reference]}", 58, "is called 'reference'"),
        ("{enhancer: dncnn, method: pos, enhancers_learn_from: condition}", 58, "is called 'condition' (known: all"),
        ("{method: pos, methods_learn_from: all}", 19, "method 'pos' does not learn from clips"),
        ("{method: mean_hr, methods_learn_from: all}", 23, "method 'mean_hr' does not learn from clips"),
        ("{method: rppgnet, enhancers_learn_from: all}", 23, "there is no enhancer here that learns"),
        ("{method: {use: pos, recipe: {epochs: 4}}}", 25, "method 'pos' is not trained: it has no recipe"),
        ("{method: pos, enhancer: {use: identity, recipe: {epochs: 4}}}", 45, "this enhancer is not trained"),
    ],
)  # fmt: skip
def test_an_error_has_its_place_and_the_nearest_name(entry, written, column, message):
    with pytest.raises(ProtocolError) as caught:
        entry(written)
    assert caught.value.message.splitlines()[0].partition("tiny.yaml:")[2].startswith(f"17:{column}: ")
    assert message in caught.value.message


def test_an_error_in_the_training_section_has_its_place(entry):
    with pytest.raises(ProtocolError, match=r"tiny.yaml:1:32: methods_learn_from: .*'x264-60k'"):
        entry("{method: rppgnet}", "{methods_learn_from: [x264-6k]}")


def test_an_enhancer_needs_a_compressed_condition(protocol, text):
    bare = text[: text.index("  grid:")] + text[text.index("clips:") :]
    with pytest.raises(ProtocolError, match="no compressed condition to learn from"):
        protocol(bare.replace(ENTRIES, "  - {enhancer: stven, method: pos}\n"))


SUBJECTS = "[s1, s2, s3]"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (f"{{method: rppgnet, train_subjects: {SUBJECTS}}}", "train_subjects"),
        (f"{{method: rppgnet, learn_from_subjects: {SUBJECTS}}}", "learn_from_subjects"),
        (f"{{method: rppgnet, subjects: {SUBJECTS}}}", "subjects"),
        ("{method: rppgnet, folds: {scheme: subject_kfold, k: 2, seed: 5}}", "folds"),
        ("{method: rppgnet, fold: 0}", "fold"),
        ("{method: rppgnet, seed: 5}", "seed"),
        ("{method: rppgnet, dataset: synthetic}", "dataset"),
        (f"{{method: {{use: rppgnet, train_subjects: {SUBJECTS}}}}}", "train_subjects"),
        (f"{{method: {{use: rppgnet, recipe: {{train_subjects: {SUBJECTS}}}}}}}", "train_subjects"),
        ("{method: {use: rppgnet, recipe: {fold: 0}}}", "fold"),
        (f"{{enhancer: {{use: stven, subjects: {SUBJECTS}}}, method: pos}}", "subjects"),
        (f"{{enhancer: {{use: stven, recipe: {{subjects: {SUBJECTS}}}}}, method: pos}}", "subjects"),
        (f"{{enhancer: stven, method: rppgnet, train: joint, joint: {{subjects: {SUBJECTS}}}}}", "subjects"),
        (f"{{method: rppgnet, methods_learn_from: {SUBJECTS}}}", "s1"),
        ("{method: rppgnet, methods_learn_from: [x264, s1]}", "s1"),
        ("{method: rppgnet, methods_learn_from: [s1-rest]}", "s1-rest"),
        ("{enhancer: stven, method: pos, enhancers_learn_from: [s1]}", "s1"),
    ],
)
def test_no_entry_can_name_its_training_subjects(entry, written, key):
    with pytest.raises(ProtocolError) as caught:
        entry(written)
    assert "tiny.yaml:17:" in caught.value.message
    assert repr(key) in caught.value.message


@pytest.mark.parametrize(
    "training", ["{subjects: [s1]}", "{train_subjects: [s1]}", "{folds: 1}", "{methods_learn_from: [s1]}"]
)
def test_the_training_section_cannot_name_subjects(entry, training):
    with pytest.raises(ProtocolError, match=r"tiny.yaml:1:1\d|tiny.yaml:1:3\d"):
        entry("{method: rppgnet}", training)


@pytest.mark.parametrize("change", ["k: 1", "k: 0", "k: 2, train: [s1]", "k: 2, test: [s1]", "k: 2, scheme: none"])
def test_the_folds_section_cannot_name_training_subjects(protocol, text, change):
    folds = f"folds: {{{change}}}"
    with pytest.raises(ProtocolError, match=r"tiny.yaml:6:"):
        protocol(text.replace("folds: {scheme: subject_kfold, k: 2, seed: 0}", folds))
