"""What a check of a dataset found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rppgbench.errors import RppgbenchError

if TYPE_CHECKING:
    from pathlib import Path

Severity = Literal["trouble", "remark"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    "trouble" is what makes data unusable or a score wrong; a "remark" is good to know. ``check`` names what looked.
    """

    severity: Severity
    check: str
    found: str
    expected: str = ""
    remedy: str = ""
    recording: str | None = None
    path: Path | None = None

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "severity": self.severity,
            "check": self.check,
            "recording": self.recording,
            "file": None if self.path is None else str(self.path),
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
        }


def of_error(check: str, error: Exception, recording: str | None = None, path: Path | None = None) -> Finding:
    """What went wrong, as a trouble; an error that is not meant for users is the plugin's fault."""
    if isinstance(error, RppgbenchError):
        found = error.message
        if path is not None:
            found = found.removeprefix(f"{path}: ")
        return Finding(
            severity="trouble", check=check, found=found, remedy=error.hint or "", recording=recording, path=path
        )
    return Finding(
        severity="trouble",
        check=check,
        found=f"the dataset's plugin failed: {type(error).__name__}: {error}",
        remedy="the file may be damaged; if it is not, tell the plugin's author",
        recording=recording,
        path=path,
    )
