"""Protocol files by path, or by the name of one that comes with rppgbench."""

from __future__ import annotations

from pathlib import Path

from rppgbench.errors import ProtocolError, nearest

# In a wheel the protocols lie inside the package; in a checkout beside it.
_PACKAGED = Path(__file__).parent / "builtin"
_CHECKOUT = Path(__file__).parents[2] / "protocols"


def builtin_protocols() -> dict[str, Path]:
    """Paths of the protocols that come with rppgbench, by name."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_protocol(name_or_path: str) -> Path:
    """The path of the protocol file that ``name_or_path`` names.

    Raises:
        ProtocolError: there is neither such a file nor a protocol of that name.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = builtin_protocols()
    if name_or_path in known:
        return known[name_or_path]
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        siblings = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else list(known)
        raise ProtocolError(f"{path}: no such protocol file", hint=nearest(path.name, siblings))
    raise ProtocolError(f"no protocol is called {name_or_path!r}", hint=nearest(name_or_path, known))
