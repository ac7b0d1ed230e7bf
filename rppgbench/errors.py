"""Errors a user can act on: what was found, what was expected, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class RppgbenchError(Exception):
    """Base of all errors that a user can mend; the command line prints them without a traceback.

    ``hint`` is the remedy, printed on a line of its own.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default reduction, and workers send errors to the driver.
        return (_rebuild, (type(self), self.__dict__.copy(), self.args))


def _rebuild(cls: type[RppgbenchError], state: dict[str, object], args: tuple[object, ...]) -> RppgbenchError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class PluginError(RppgbenchError):
    """A plugin, a spec or a component that does not keep its contract."""


class UnknownName(RppgbenchError):
    """A name that nothing is registered under."""


class ProtocolError(RppgbenchError):
    """A protocol file that cannot be used; the message starts with ``file:line:column``."""


class DatasetUnavailable(RppgbenchError):
    """A dataset whose files are not on this machine."""


class MediaError(RppgbenchError):
    """A video that cannot be read, or not in full."""


class NoFaceFound(MediaError):
    """No face in any sampled frame.

    ``frame_png`` holds one of the searched frames, so that a person can see why.
    """

    def __init__(self, message: str, *, hint: str | None = None, frame_png: bytes | None = None) -> None:
        super().__init__(message, hint=hint)
        self.frame_png = frame_png


class EncodingError(RppgbenchError):
    """An encoder that failed, or whose output is not frame-exact with its source."""


class SignalError(RppgbenchError):
    """A signal from which nothing can be derived: too short, constant, or not finite."""


class TrainingFailed(RppgbenchError):
    """A fit that cannot go on: its loss is no longer a number, or its recipe and its learner do not fit together."""


class StoreError(RppgbenchError):
    """A store that cannot be written: the run cannot go on."""


class ExecutorLost(RppgbenchError):
    """Worker processes or a scheduler that cannot be reached any more: no task can run."""


class ArtefactError(RppgbenchError):
    """One artefact that cannot be read: the others may be."""


class TasksFailed(RppgbenchError):
    """A run that ended with failed tasks; the message names them."""

    exit_code = 3


class RunStopped(RppgbenchError):
    """A run that its user ended early; what is done is kept."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("stopped; what is done is kept: the same command goes on from here")


class IncomparableResults(RppgbenchError):
    """Results of different protocols or versions, which must not be ranked together."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Hint for an unknown name: ``did you mean 'pos'?`` if a known one is near, else the known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}" if names else "nothing is registered"


def existing_file(path: Path) -> Path:
    """``path`` itself when it is a readable file.

    Raises:
        MediaError: it is missing, or a folder.
    """
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else f"look in {path.parent}"
        raise MediaError(f"{path}: no such file", hint=hint)
    if path.is_dir():
        raise MediaError(f"{path}: is a folder, expected a video file", hint="name the files in it")
    return path
