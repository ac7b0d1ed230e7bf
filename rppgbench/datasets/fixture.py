"""A small copy of a dataset in its published layout, filled with rendered faces whose heart rates are known."""

from __future__ import annotations

import importlib
import shutil
from typing import TYPE_CHECKING, Any

from rppgbench.errors import PluginError, RppgbenchError
from rppgbench.testing.rendered_cohort import RenderedCohort

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rppgbench.contracts import DatasetSpec
    from rppgbench.registry import Registry
    from rppgbench.testing.rendered_cohort import RenderedRecording


class AnnouncedCohort(RenderedCohort):
    """A film that says which subject it is about to take."""

    def __init__(
        self, registry: Registry, told: Callable[[int], None], *, size: tuple[int, int], n_sessions: int | None = None
    ) -> None:
        super().__init__(registry, size=size, n_sessions=n_sessions)
        self._told = told

    def take(self, subject: int, *args: Any, **kwargs: Any) -> RenderedRecording:
        self._told(subject)
        return super().take(subject, *args, **kwargs)


def write_fixture(
    spec: DatasetSpec, target: Path, film: RenderedCohort, *, n_subjects: int, duration_s: float
) -> Mapping[str, RenderedRecording]:
    """Write the copy into ``target``, which must be empty or not be there; its takes by recording id.

    It is written beside the target and then renamed, so that no half of one is ever taken for the whole.

    Raises:
        PluginError: the dataset comes without a fixture.
        RppgbenchError: there is something in the target, or it cannot be written.
    """
    write = _writer(spec)
    target = target.expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        what = "is not empty" if target.is_dir() else "is a file"
        raise RppgbenchError(f"{target}: {what}, nothing was written", hint="name a folder that is not there yet")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(parents=True)
        takes: Mapping[str, RenderedRecording] = write(unfinished, film, n_subjects, duration_s)
        if target.exists():
            target.rmdir()
        unfinished.rename(target)
    except OSError as error:
        raise RppgbenchError(
            f"{error.filename or target}: cannot be written: {error.strerror}", hint="choose another folder"
        ) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return takes


def _writer(spec: DatasetSpec) -> Callable[[Path, RenderedCohort, int, float], Mapping[str, RenderedRecording]]:
    if not spec.fixture:
        why = "makes its recordings itself" if not spec.needs_files else "comes without a fixture"
        raise PluginError(f"dataset {spec.name!r} {why}", hint="see 'rppgbench data list' for those that have one")
    module, _, name = spec.fixture.partition(":")
    try:
        writer: Callable[[Path, RenderedCohort, int, float], Mapping[str, RenderedRecording]] = getattr(
            importlib.import_module(module), name
        )
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"dataset {spec.name!r}: fixture {spec.fixture!r} cannot be imported: {error}",
            hint="if a package is missing, pip install 'rppgbench[datasets]'; else tell the plugin's author",
        ) from error
    return writer
