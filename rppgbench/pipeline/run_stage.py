"""One task run in this process: its stage fills a folder, which the store publishes."""

from __future__ import annotations

from rppgbench.pipeline.provenance import code_versions
from rppgbench.pipeline.stage_context import StageContext
from rppgbench.pipeline.stages import stages
from rppgbench.pipeline.task import Task
from rppgbench.registry import Registry
from rppgbench.store.store import Store


def run_stage(task: Task, store: Store, registry: Registry, device: str = "auto") -> None:
    """Run the task and publish its artefact."""
    stage = stages()[task.stage]
    store.publish(
        task.preimage,
        lambda folder: stage.run(StageContext(task, task.settings, store, registry, folder, device)),
    )
    store.clear_scratch(task.key)


def code_differences(task: Task, registry: Registry) -> list[str]:
    """Lines on code and libraries whose versions here are not the plan's; the task's key is valid here if empty."""
    stage = stages().get(task.stage)
    if stage is None:
        return [f"stage {task.stage!r} does not exist here"]
    specs = [registry.spec(kind, name) for kind, name in task.code.component_names]
    return code_versions(stage.module, specs).differences(task.code)
