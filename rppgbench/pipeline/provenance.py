"""The code behind an artefact: part of its key, and what a host must have that makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rppgbench.contracts import Spec
from rppgbench.pipeline.task import Stage, Task
from rppgbench.registry import Registry
from rppgbench.store.keys import code_digest, library_versions

# Libraries whose arithmetic a task's bytes may depend on.
LIBRARIES = (
    "numpy", "scipy", "array-api-compat", "av", "opencv-python-headless", "scikit-image", "h5py", "pyedflib",
)  # fmt: skip
TORCH = ("torch", "safetensors")
_WORK = ("rppgbench.pipeline.stage_work", "rppgbench.pipeline.stage_context", "rppgbench.pipeline.task")
# What of the measures of quality looks at clips.
_CLIPS = tuple(f"rppgbench.quality.{module}" for module in ("clip", "pixels", "structure", "hvs"))
# Core code behind each stage, beside its plugin's: a change to any of it makes new keys from that stage on. What only
# scores is not behind what encodes, so that a change of scoring encodes and decodes nothing.
CORE: Mapping[Stage, tuple[str, ...]] = {
    "render": ("rppgbench.media",),
    "truth": ("rppgbench.media", *_WORK),
    "clock": ("rppgbench.media", *_WORK),
    "boxes": ("rppgbench.media",),
    "encode": ("rppgbench.media",),
    "traces": ("rppgbench.media", *_WORK),
    "label": ("rppgbench.signal", "rppgbench.evaluation", *_WORK),
    "crop": ("rppgbench.media", *_WORK),
    "skin": ("rppgbench.media", *_WORK),
    "quality": (
        "rppgbench.media", "rppgbench.signal", "rppgbench.quality", "rppgbench.pipeline.stages.quality",
        "rppgbench.pipeline.stages.predict", *_WORK,
    ),
    "fit": ("rppgbench.signal", "rppgbench.learning", "rppgbench.pipeline.stages.fit", "rppgbench.pipeline.stages.predict", *_WORK),
    "predict": (
        "rppgbench.media", "rppgbench.signal", "rppgbench.learning", "rppgbench.pipeline.stages.predict", *_CLIPS, *_WORK,
    ),
    "score": (
        "rppgbench.signal", "rppgbench.evaluation", "rppgbench.quality.pulse", "rppgbench.pipeline.stages.quality", *_WORK,
    ),
}  # fmt: skip


def code_behind(stage: Stage, libraries: Sequence[str]) -> dict[str, Any]:
    """Of a task's settings those that say which core code makes its bytes, and with which ``libraries``."""
    return {"core": code_digest(*CORE[stage]), "libraries": library_versions(*libraries)}


def code_of(spec: Spec) -> str:
    """Digest of the package that a component comes from."""
    return code_digest(package_of(spec))


def package_of(spec: Spec) -> str:
    return spec.factory.partition(":")[0].partition(".")[0]


def other_code(task: Task, registry: Registry) -> list[str]:
    """Packages that differ here from what the task was planned with, and how; then its key is not to be used here."""
    settings = task.settings
    if "core" not in settings:  # of no plan
        return []
    wanted = {"rppgbench": settings["core"], **settings["libraries"]}
    here = code_behind(task.stage, settings["libraries"])
    found = {"rppgbench": here["core"], **here["libraries"]}
    for described in settings.values():
        if isinstance(described, Mapping) and {"kind", "use", "code"} <= described.keys():
            spec = registry.spec(described["kind"], described["use"])
            wanted[package_of(spec)], found[package_of(spec)] = described["code"], code_of(spec)
    if "build" in settings:
        codec = settings["codec"]
        wanted["encoder"] = settings["build"]
        found["encoder"] = registry.create("codec", codec["use"], codec["params"]).build()
    return [f"{name} is {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name]]
