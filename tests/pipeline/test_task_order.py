"""The order of a plan's tasks: after their inputs, and with few clips on the disk at a time."""

from __future__ import annotations

from rppgbench.pipeline.disk_budget import disk_peak
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_order import depth_first, order_tasks, trials_by_condition
from tests.stand_in_tasks import stand_in


def task(name: str, *inputs: Task) -> Task:
    return stand_in("truth", name, {t.label: t.key for t in inputs})


def labels(order):
    return [t.label for t in order.values()]


def test_each_straight_after_what_it_needs():
    a, b, c = task("a"), task("b"), task("c")
    ab, bc = task("ab", a, b), task("bc", b, c)
    top = task("top", bc, ab)
    tasks = {t.key: t for t in (a, b, c, ab, bc, top)}
    assert labels(depth_first(tasks, [top.key])) == ["b", "c", "bc", "a", "ab", "top"]
    assert labels(depth_first(tasks, [ab.key])) == ["a", "b", "ab", "c", "bc", "top"]


def test_files_of_the_users_are_no_tasks():
    one = stand_in("clock", "one", {"video": "file:0"})
    assert labels(depth_first({one.key: one}, [one.key])) == ["one"]


def test_a_chain_longer_than_python_calls_deep():
    chain = [task("0")]
    for n in range(1, 20_000):
        chain.append(task(str(n), chain[-1]))
    tasks = {t.key: t for t in reversed(chain)}
    assert labels(depth_first(tasks, [chain[-1].key])) == [str(n) for n in range(20_000)]


def test_the_tasks_of_a_plan_come_after_their_inputs_and_its_cells_stay(learning, store):
    plan = make_plan(learning(levels="[10, 20, 30]"), store)
    done: set[str] = set()
    for key, one in plan.tasks.items():
        assert key == one.key
        assert all(k in done for k in one.inputs.values() if not k.startswith("file:"))
        done.add(key)
    recordings = [trial.recording.id for trial in plan.trials]
    assert recordings == sorted(recordings)


BRIGHTER = ("copy, sweep: {bitrate_kbps: [100]}", "brighter, sweep: {levels: [10, 20, 30]}")


def turns(trials):
    return list(dict.fromkeys(trial.condition.id for trial in trials))


def test_the_reference_comes_first_then_what_is_learnt_from(protocol, store):
    learner = ("{method: green}", "{method: pulse, methods_learn_from: [brighter-30]}")
    plan = make_plan(protocol(BRIGHTER, learner), store)
    assert turns(plan.trials) == ["reference", "brighter-10", "brighter-20", "brighter-30"]
    assert turns(trials_by_condition(plan.trials)) == ["reference", "brighter-30", "brighter-10", "brighter-20"]


def test_who_learns_from_the_tested_condition_changes_no_turn(protocol, store):
    learner = ("{method: green}", "{method: pulse, methods_learn_from: condition}")
    plan = make_plan(protocol(BRIGHTER, learner), store)
    assert turns(trials_by_condition(plan.trials)) == turns(plan.trials)


def test_clips_of_one_compressed_condition_at_a_time(protocol, store):
    """A fit to each condition needs three of its four subjects (two folds: all of them), the enhancer's measures the
    reference throughout."""
    learner = ("{method: green}", "{method: pulse, methods_learn_from: condition}")
    plan = make_plan(protocol(BRIGHTER, learner), store)
    (size,) = {t.bytes_out for t in plan.tasks.values() if t.stage == "crop"}
    assert disk_peak([*plan.tasks.values()]).transient_bytes == (4 + 4) * size
    by_recording = depth_first(plan.tasks, (trial.score.key for trial in plan.trials))
    assert disk_peak([*by_recording.values()]).transient_bytes > 8 * size


def test_recording_by_recording_where_no_fit_reads_the_reference(protocol, store):
    plan = make_plan(protocol(BRIGHTER, ("{method: green}", "{enhancer: same, method: green}")), store)
    (size,) = {t.bytes_out for t in plan.tasks.values() if t.stage == "crop"}
    assert disk_peak([*plan.tasks.values()]).transient_bytes == 2 * size
    by_condition = depth_first(plan.tasks, (trial.score.key for trial in trials_by_condition(plan.trials)))
    assert disk_peak([*by_condition.values()]).transient_bytes == 5 * size
    assert order_tasks(plan.tasks, plan.trials) == plan.tasks
