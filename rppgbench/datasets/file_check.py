"""Existence and readability of the files of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.datasets.audit_finding import AuditFinding, files_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rppgbench.contracts import Recording


def damaged_files(recording: Recording) -> Iterator[AuditFinding]:
    """A trouble for each file of the recording that is missing, empty or unreadable."""
    for path in files_of(recording):
        fault = _fault(path)
        if fault is not None:
            found, remedy = fault
            yield AuditFinding(
                severity="trouble", check="files", found=found, remedy=remedy, recording=recording.id, path=path
            )


def _fault(path: Path) -> tuple[str, str] | None:
    try:
        if path.is_dir():
            return "is a folder, expected a file", "copy the dataset again as it was published"
        with path.open("rb") as file:
            if not file.read(1):
                return "is empty (0 bytes)", "copy it again"
    except FileNotFoundError:
        return "no such file", "copy it, or find out what it was renamed to"
    except OSError as error:
        return f"cannot be read: {error.strerror}", "look at its permissions and at the disk"
    return None
