"""A protocol by another estimator asks the same of the same people, and is another question."""

import pytest

from rppgbench.errors import ProtocolError
from rppgbench.pipeline.planner import make_plan
from rppgbench.protocol.lock_diff import differing
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.signal.compatibility.estimator import ESTIMATORS
from rppgbench.store.store import Store


@pytest.fixture
def path(text, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_only_the_estimator_and_the_digest_differ(path, text, name):
    plain, other = load_protocol(path, load_registry()), load_protocol(path, load_registry(), estimator=name)
    assert list(differing(plain.resolved(), other.resolved())) == [f"evaluation.heart_rate.use: spectrum | {name}"]
    assert other.digest != plain.digest
    assert other.entries == plain.entries
    path.write_text(text.replace("{use: spectrum", f"{{use: {name}"))
    assert load_protocol(path, load_registry()).digest == other.digest


def test_only_labels_and_their_dependents_are_computed_again(path, tmp_path):
    store = Store.open(tmp_path / "store")
    plain, other = (
        make_plan(load_protocol(path, load_registry(), estimator=estimator), store)
        for estimator in (None, "toolbox-2023")
    )
    anew = [task.stage for key, task in other.tasks.items() if key not in plain.tasks]
    assert {"label", "score"} <= set(anew) <= {"label", "quality", "score"}
    assert len(other.tasks) == len(plain.tasks)
    assert anew.count("label") == len(other.recordings)


def test_a_rehearsal_may_be_by_another_estimator(path):
    both = load_protocol(path, load_registry(), rehearse=True, estimator="pyvhr")
    assert both.rehearsal
    assert both.evaluation.heart_rate.use == "pyvhr"


@pytest.mark.parametrize("name", ["toolbox2023", "tolbox-2023"])
def test_a_mistyped_name_suggests_the_nearest(path, name):
    with pytest.raises(ProtocolError, match=f"no compatibility estimator is called '{name}'") as caught:
        load_protocol(path, load_registry(), estimator=name)
    assert caught.value.hint == "did you mean 'toolbox-2023'?"


def test_rppgbench_estimators_are_no_compatibility_estimators(path):
    with pytest.raises(ProtocolError) as caught:
        load_protocol(path, load_registry(), estimator="beats")
    assert caught.value.hint == "known: pyvhr, toolbox-2023, toolbox-2025"


def test_clips_with_too_few_frames_for_its_band_are_refused(path, text):
    path.write_text(text.replace("fps_hz: 30.0", "fps_hz: 7.5").replace("[0.7, 4.0]", "[0.7, 3.0]"))
    assert load_protocol(path, load_registry(), estimator="toolbox-2025").clips.fps_hz == 7.5
    with pytest.raises(ProtocolError, match="pyvhr looks for rates up to 4 Hz and needs more than 8 frames a second"):
        load_protocol(path, load_registry(), estimator="pyvhr")
