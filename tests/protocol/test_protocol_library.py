"""Built-in protocols: no subject is in training and test set of a fold, and the digest is the locked one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rppgbench.contracts import DatasetSpec, Recording
from rppgbench.pipeline.local_dataset import LocalDataset
from rppgbench.pipeline.lock_builder import build_lock
from rppgbench.pipeline.plan import Plan, Trial
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_graph import TaskGraph
from rppgbench.protocol.folds import subject_kfold
from rppgbench.protocol.lock import SUFFIX, lock_path, read_lock
from rppgbench.protocol.lock_diff import diff_locks
from rppgbench.protocol.protocol_library import builtin_protocols
from rppgbench.protocol.resolve import Protocol, load_protocol
from rppgbench.registry import load_registry
from rppgbench.store.store import Store

NAMES = list(builtin_protocols())
# MAHNOB-HCI's participants with stimulus recordings: those of Li et al., CVPR 2014.
MAHNOB = [f"P{n}" for n in range(1, 31) if n not in (12, 15, 26)]


@pytest.fixture(scope="module")
def library() -> dict[str, Protocol]:
    registry = load_registry()
    return {name: load_protocol(path, registry) for name, path in builtin_protocols().items()}


@pytest.fixture(params=NAMES)
def protocol(request, library) -> Protocol:
    return library[request.param]


def mock_dataset(component, root=None) -> LocalDataset:
    """A dataset of as many subjects as a protocol needs, with two recordings of the first, and no files."""
    subjects = MAHNOB if component.name == "mahnob_hci" else [f"{component.name} {n}" for n in range(1, 11)]
    recordings = [
        Recording(
            id=f"{component.name}: {subject} {session}",
            subject=subject,
            session=session,
            fps_hz=30.0,
            duration_s=30.0,
            dataset=component.name,
        )
        for subject in subjects
        for session in ("a", "b")[: 2 if subject == subjects[0] else 1]
    ]
    return LocalDataset(component, recordings, None)


@pytest.fixture
def plan(monkeypatch, tmp_path):
    """A function from a protocol to its plan with mock datasets, restricted to one fold to save time."""
    monkeypatch.setattr("rppgbench.pipeline.planner.open_local_dataset", mock_dataset)

    def planned(protocol: Protocol, fold: int = 0) -> Plan:
        return make_plan(protocol, Store.open(tmp_path / "store"), only=(f"fold={fold}",))

    return planned


def upstream(plan: Plan, task: Task, seen: dict[str, Task]) -> dict[str, Task]:
    """The task and its inputs, transitively, by key."""
    if task.key not in seen:
        seen[task.key] = task
        for key in task.inputs.values():
            if key in plan.tasks:
                upstream(plan, plan.tasks[key], seen)
    return seen


def fits_behind(plan: Plan, trial: Trial) -> list[Task]:
    return [task for task in upstream(plan, trial.score, {}).values() if task.stage in ("fit", "train")]


def training_recordings(plan: Plan, fit: Task) -> set[str]:
    """Recordings whose video or ground truth is an input of the fit."""
    return {task.recording.id for task in upstream(plan, fit, {}).values() if task.recording}


def leaks(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Entry, trained component, and a training recording of a tested subject."""
    subject_of = {recording.id: recording.subject for recording in plan.recordings}
    behind: dict[str, set[str]] = {}
    for trial in plan.trials:
        for fit in fits_behind(plan, trial):
            if fit.key not in behind:
                behind[fit.key] = training_recordings(plan, fit)
            for recording in behind[fit.key]:
                if subject_of.get(recording) in trial.fold.test:
                    yield trial.entry.id, getattr(fit.settings, "role", "closed form"), recording


def test_no_subject_is_on_both_sides_of_a_fold(protocol, plan):
    found = plan(protocol)
    assert not set(leaks(found))
    tested = [subject for fold in found.folds for subject in fold.test]
    assert sorted(tested) == sorted({recording.subject for recording in found.recordings})
    for fold in found.folds:
        assert not set(fold.test) & set(fold.train)


def test_every_learner_is_trained_on_all_its_training_subjects(protocol, plan):
    found = plan(protocol)
    (fold,) = (fold for fold in found.folds if fold.index == 0)
    own = {recording.id for recording in found.recordings if recording.subject in fold.train}
    elsewhere = {c.dataset.name: {r.id for r in c.recordings} for c in found.datasets[1:]}
    places = {
        "method": elsewhere[protocol.methods_learn_on.name] if protocol.methods_learn_on else own,
        "enhancer": elsewhere[protocol.enhancers_learn_on.name] if protocol.enhancers_learn_on else own,
    }
    for trial in {trial.entry.id: trial for trial in found.trials}.values():
        fits = fits_behind(found, trial)
        parts = {getattr(fit.settings, "role", "closed form"): fit for fit in fits}
        assert ("method" in parts) == (trial.entry.method_training is not None)
        assert ("enhancer" in parts) == (trial.entry.enhancer_training is not None)
        assert ("joint" in parts) == (trial.entry.joint is not None)
        for part, fit in parts.items():
            assert training_recordings(found, fit) == {
                "joint": places["method"] | places["enhancer"], "closed form": own, **places
            }[part]  # fmt: skip


@pytest.mark.parametrize("name", ["obf_compressed", "mahnob_hci", "train_rate_by_test_rate", "cohface"])
def test_a_leak_is_found(name, library, plan, monkeypatch):
    """A graph that trains on all subjects must fail the test above."""

    def all_subjects(self: TaskGraph, fold, elsewhere=None):
        return list(self._datasets[elsewhere or self.protocol.dataset.name].recordings)

    monkeypatch.setattr(TaskGraph, "training_recordings", all_subjects)
    parts = {part for _, part, _ in leaks(plan(library[name]))}
    expected = {
        "obf_compressed": {"method", "enhancer", "joint", "closed form"},
        # The joint fit itself learns on OBF; the method in it has seen who is tested.
        "mahnob_hci": {"method", "joint", "closed form"},
        "train_rate_by_test_rate": {"method", "closed form"},
        "cohface": {"closed form"},
    }
    assert parts == expected[name]


def test_the_folds_of_mahnob_hci_are_nine_of_three_participants_by_the_rule_that_they_state(library):
    lists = library["mahnob_hci"].folds.lists
    assert lists is not None
    assert [len(members) for members in lists] == [3] * 9
    assert sorted(subject for members in lists for subject in members) == sorted(MAHNOB)
    assert len(MAHNOB) == 27
    assert [fold.test for fold in subject_kfold(MAHNOB, 9, 0)] == list(lists)


@pytest.mark.parametrize("name", ["ubfc_rppg_compressed", "pure_compressed"])
def test_rates_are_the_papers_and_those_of_equal_bits_per_pixel(name, library):
    # Closed form: pixels a second of 640x480 at 30 frames over those of 1920x1080 at 60.
    share = (640 * 480 * 30) / (1920 * 1080 * 60)
    rates = sorted({c.nominal_bps / 1000 for c in library[name].conditions if c.nominal_bps}, reverse=True)
    assert rates[:3] == [1000, 500, 250]
    assert rates[3:] == pytest.approx([share * rate for rate in rates[:3]], rel=0.002)


@pytest.mark.parametrize("name", NAMES)
def test_a_protocol_says_first_what_it_asks_and_why_it_is_made_so(name):
    head = builtin_protocols()[name].read_text().partition("rppgbench: 1\n")[0]
    lines = [line for line in head.splitlines() if line.strip()]
    assert len(lines) >= 2
    assert all(line.startswith("# ") or line == "#" for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_says_what_each_protocol_asks(name):
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text()
    assert re.search(rf"^\| [^|]*`{name}`[^|]* \| \w", page, re.MULTILINE)


def test_a_protocol_is_named_as_its_file(protocol):
    assert protocol.path.stem == protocol.name


def test_every_dataset_has_a_protocol_to_try_first():
    for spec in load_registry().specs("dataset"):
        assert isinstance(spec, DatasetSpec)
        if spec.fixture:
            assert spec.protocol in NAMES
            assert re.search(rf"dataset: {{use: {spec.name}[,}}]", builtin_protocols()[spec.protocol].read_text())


def test_every_protocol_has_the_controls(protocol):
    methods = {entry.method.name for entry in protocol.entries}
    assert {"mean_hr", "white_noise"} & methods == {"mean_hr", "white_noise"}


def test_the_digest_is_the_locked_one(protocol):
    path = lock_path(protocol.path)
    assert path.exists(), f"{protocol.name} has no lock: run rppgbench lock {protocol.name}"
    locked = read_lock(path)
    assert (locked.protocol, locked.version) == (protocol.name, protocol.version), (
        f"{path.name} is of version {locked.version}: run rppgbench lock {protocol.name}"
    )
    assert locked.digest == protocol.digest, (
        f"{protocol.name} does not mean what version {protocol.version} meant: raise version: to "
        f"{protocol.version + 1} and run rppgbench lock {protocol.name}, or take the change back"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_is_canonical_and_names_no_machine(name):
    text = lock_path(builtin_protocols()[name]).read_text()
    assert text == read_lock(lock_path(builtin_protocols()[name])).text()
    assert not re.search(r'"[^"]*(/(home|work|root|tmp|Users)/|[A-Z]:\\)', text)


def test_there_is_no_lock_without_its_protocol():
    folder = next(iter(builtin_protocols().values())).parent
    assert {path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}")} == set(NAMES)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "dataset: {use: synthetic" in builtin_protocols()[name].read_text()]
)
def test_a_protocol_without_files_matches_its_lock(name, library, tmp_path):
    here = build_lock(library[name], Store.open(tmp_path / "store"), {})
    found = diff_locks(read_lock(lock_path(library[name].path)), here)
    # Encoders are this machine's.
    assert [line for line in found.different if not line.startswith(("encoder", "bitstream"))] == []
    assert here.folds is not None
    assert any(line.startswith("dataset synthetic") for line in found.same)


def test_a_changed_protocol_is_detected(library, tmp_path):
    path = tmp_path / "smoke.yaml"
    path.write_text(Path(builtin_protocols()["smoke"]).read_text().replace("k: 3", "k: 2"))
    assert load_protocol(path, load_registry()).digest != read_lock(lock_path(builtin_protocols()["smoke"])).digest
