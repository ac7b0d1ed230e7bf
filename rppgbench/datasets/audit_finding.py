"""Findings of a dataset audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rppgbench.errors import RppgbenchError

if TYPE_CHECKING:
    from pathlib import Path

    from rppgbench.contracts import Recording

Severity = Literal["trouble", "remark"]


@dataclass(frozen=True, kw_only=True)
class AuditFinding:
    """One finding of the check named ``check``.

    "trouble" makes data unusable or a score wrong; a "remark" is for information.
    """

    severity: Severity
    check: str
    found: str
    expected: str = ""
    remedy: str = ""
    recording: str | None = None
    path: Path | None = None

    def record(self) -> dict[str, Any]:
        """The finding as plain data for JSON."""
        return {
            "severity": self.severity,
            "check": self.check,
            "recording": self.recording,
            "file": None if self.path is None else str(self.path),
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
        }


def of_error(
    check: str, error: Exception, recording: Recording | None = None, path: Path | None = None
) -> AuditFinding:
    """A trouble for ``error``; any but a ``RppgbenchError`` is reported as a failure of the plugin.

    Its path is the recording's file that the error names, else ``path``.
    """
    name = None if recording is None else recording.id
    if not isinstance(error, RppgbenchError):
        return AuditFinding(
            severity="trouble",
            check=check,
            found=f"the dataset's plugin failed: {type(error).__name__}: {error}",
            remedy="the file may be damaged; if it is not, tell the plugin's author",
            recording=name,
            path=path,
        )
    files = [] if recording is None else files_of(recording)
    named = next((file for file in (path, *files) if file and error.message.startswith(f"{file}:")), None)
    found = error.message if named is None else _without(named, error.message)
    return AuditFinding(
        severity="trouble", check=check, found=found, remedy=error.hint or "", recording=name, path=named or path
    )


def files_of(recording: Recording) -> list[Path]:
    """All files of a recording, without duplicates."""
    named = (recording.path, *recording.source_files, *recording.truth_files, *recording.clock_files)
    return list(dict.fromkeys(path for path in named if path is not None))


def _without(path: Path, message: str) -> str:
    """``rest`` of a message ``path: rest``, and ``line 7: rest`` of ``path:7: rest``."""
    rest = message.removeprefix(f"{path}:")
    return rest.lstrip() if rest.startswith(" ") else f"line {rest}"
