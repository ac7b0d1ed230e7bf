"""Standard output for what a command has to say, and for that alone."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def chatter_to_stderr() -> Iterator[None]:
    """Meanwhile all that is printed goes to standard error: by loaders, by C libraries, by processes started here."""
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
    """Write out what the C library holds back when standard output is no terminal; else it would come at the end."""
    import ctypes

    with contextlib.suppress(OSError, TypeError, AttributeError):  # where there is no such library to be found
        ctypes.CDLL(None).fflush(None)
