"""Claims files found and loaded, with errors located by file, line and column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import rppgbench.protocol
from rppgbench.claims.claims_file import ClaimsFile
from rppgbench.errors import ProtocolError, nearest
from rppgbench.protocol import yaml_document
from rppgbench.protocol.yaml_document import Document

# A wheel has them in the package, beside the protocols; a checkout in protocols/claims.
_PACKAGED = Path(str(rppgbench.protocol.__file__)).parent / "builtin" / "claims"
_CHECKOUT = Path(__file__).parents[2] / "protocols" / "claims"


def builtin_claims() -> dict[str, Path]:
    """Paths of the claims files that come with rppgbench, by name."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_claims(name_or_path: str) -> Path:
    """Path of a claims file, given by name or path.

    Raises:
        ProtocolError: there is neither such a file nor claims of that name.
    """
    path, known = Path(name_or_path), builtin_claims()
    if path.is_file():
        return path
    if name_or_path in known:
        return known[name_or_path]
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        raise ProtocolError(f"{path}: no such claims file", hint=nearest(name_or_path, known))
    raise ProtocolError(f"no claims are called {name_or_path!r}", hint=nearest(name_or_path, known))


def load_claims(path: Path) -> ClaimsFile:
    """Claims of the file at ``path``.

    Raises:
        ProtocolError: the file is invalid; the message starts with ``file:line:column``.
    """
    claims, source = yaml_document.load(path, ClaimsFile, ProtocolError, "see the files in protocols/claims")
    wrong = [*_unknown_names(source, claims), *_duplicates(source, claims)]
    if wrong:
        raise ProtocolError("\n".join(wrong), hint="entries are defined by name at the top of the file")
    return claims


def _unknown_names(source: Document, claims: ClaimsFile) -> Iterator[str]:
    for c, claim in enumerate(claims.claims):
        for p, part in enumerate(claim.parts):
            for key, names in (("of", part.of), ("against", part.against or ())):
                for index, name in enumerate(names):
                    if name not in claims.entries:
                        where = source.where(("claims", c, "parts", p, key, index))
                        yield f"{where}: no entry is defined as {name!r} ({nearest(name, claims.entries)})"


def _duplicates(source: Document, claims: ClaimsFile) -> Iterator[str]:
    ids: set[str] = set()
    for c, claim in enumerate(claims.claims):
        if claim.id in ids:
            yield f"{source.where(('claims', c, 'id'))}: claim {claim.id!r} stands there twice"
        ids.add(claim.id)
