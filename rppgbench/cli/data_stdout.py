"""Standard output kept for the output of a command alone."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def chatter_to_stderr() -> Iterator[None]:
    """Context in which all output of loaders, C libraries and child processes goes to standard error."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of the two is closed
        yield
        return
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _flush_c()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_c() -> None:
    """Flush the C library's buffer of standard output, which would otherwise be written at exit."""
    import ctypes

    with contextlib.suppress(OSError, TypeError, AttributeError):  # where there is no such library to be found
        ctypes.CDLL(None).fflush(None)
