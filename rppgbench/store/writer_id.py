"""Who writes to a store: a name for this process that tells others, and later ones, whether it still lives."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import uuid
from functools import cache
from pathlib import Path


def new_name() -> str:
    """A name that nothing else has, and that tells who gave it."""
    return f"{_host()}@{os.getpid()}.{uuid.uuid4().hex}"


def is_dead(name: str) -> bool | None:
    """Whether the process that gave ``name`` is dead; None where only its own host, while it is up, could tell."""
    host, _, rest = name.rpartition("@")
    pid = rest.partition(".")[0]
    return not _alive(int(pid)) if host == _host() and pid.isdigit() else None


@cache
def _host() -> str:
    """This host's name, and a sign of its boot and of how this process's world numbers processes.

    Containers and cloned machines share names, and in another numbering a process number tells nothing.
    """
    signs = ""
    with contextlib.suppress(OSError):
        signs += Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    with contextlib.suppress(OSError):
        signs += str(Path("/proc/self/ns/pid").readlink())
    sign = hashlib.sha256(signs.encode()).hexdigest()[:8]
    return f"{platform.node() or 'localhost'}+{sign}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
