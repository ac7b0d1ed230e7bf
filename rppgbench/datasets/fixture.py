"""Fixtures: small copies of a dataset in its published layout with rendered faces of known heart rates."""

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
    """A rendered cohort that calls ``notify`` with the subject's number before rendering it."""

    def __init__(
        self, registry: Registry, notify: Callable[[int], None], *, size: tuple[int, int], n_sessions: int | None = None
    ) -> None:
        super().__init__(registry, size=size, n_sessions=n_sessions)
        self._notify = notify

    def take(self, subject: int, *args: Any, **kwargs: Any) -> RenderedRecording:
        self._notify(subject)
        return super().take(subject, *args, **kwargs)


def write_fixture(
    spec: DatasetSpec, target: Path, cohort: RenderedCohort, *, n_subjects: int, duration_s: float
) -> Mapping[str, RenderedRecording]:
    """The rendered recordings by id of a fixture written into ``target``, which must be empty or missing.

    It is written beside the target and renamed, so that an interrupted one is never used.

    Raises:
        PluginError: the dataset has no fixture.
        RppgbenchError: the target is not empty, or cannot be written.
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
        rendered: Mapping[str, RenderedRecording] = write(unfinished, cohort, n_subjects, duration_s)
        if target.exists():
            target.rmdir()
        unfinished.rename(target)
    except OSError as error:
        raise RppgbenchError(
            f"{error.filename or target}: cannot be written: {error.strerror}", hint="choose another folder"
        ) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return rendered


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
