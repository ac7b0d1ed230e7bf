"""Ids of processes that write to a store, from which other processes see whether the writer is alive."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import uuid
from functools import cache
from pathlib import Path


def new_name() -> str:
    """A unique name with the id of this process in it."""
    return f"{_host()}@{os.getpid()}.{uuid.uuid4().hex}"


def is_dead(name: str) -> bool | None:
    """Whether the process that made ``name`` is dead; None if it is of another host, boot or process namespace."""
    host, _, rest = name.rpartition("@")
    pid = rest.partition(".")[0]
    return not _alive(int(pid)) if host == _host() and pid.isdigit() else None


@cache
def _host() -> str:
    """Host name and a digest of the boot and the process namespace.

    Containers and cloned machines share names, and a process number has no meaning in another namespace.
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
