"""A YAML 1.2 file as plain data that remembers the line and column of every key and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rppgbench.errors import ProtocolError

Location = Sequence[str | int]


@dataclass(frozen=True)
class Document:
    """Parsed YAML. ``tree`` is plain dicts, lists and scalars."""

    path: Path
    tree: dict[str, Any]
    _marked: Any

    def where(self, location: Location = (), *, key: bool = False) -> str:
        """``file:line:column`` of the value at ``location`` (of its key, if ``key``), or of its nearest parent."""
        node, line, column = self._marked, 0, 0
        for depth, step in enumerate(location):
            last = depth == len(location) - 1
            try:
                if isinstance(node, CommentedMap):
                    at_key = key and last
                    line, column = node.lc.key(step) if at_key else node.lc.value(step)
                elif isinstance(node, CommentedSeq):
                    line, column = node.lc.item(step)
                else:
                    break
                node = node[step]
            except (KeyError, IndexError, TypeError):
                break
        return f"{self.path}:{line + 1}:{column + 1}"


def read_yaml(path: Path) -> Document:
    """The file as a ``Document``.

    Raises:
        ProtocolError: it is missing, not YAML, not a mapping, or has a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProtocolError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}") from None
    try:
        marked = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        raise ProtocolError(_marked_message(path, error), hint="keep one of the two") from None
    except MarkedYAMLError as error:
        raise ProtocolError(_marked_message(path, error), hint="the file must be YAML 1.2") from None
    except YAMLError as error:
        raise ProtocolError(f"{path}:1:1: not YAML: {error}") from None
    if not isinstance(marked, CommentedMap):
        raise ProtocolError(f"{path}:1:1: expected a mapping of keys such as 'name' and 'dataset'")
    return Document(path, _plain(marked), marked)


def _marked_message(path: Path, error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = (error.problem or error.context or "not YAML").splitlines()[0]
    return f"{path}:{line}:{column}: {problem}"


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for scalar in (int, float, str):  # ruamel's scalars subclass these; the plain ones compare, print and hash alike
        if isinstance(node, scalar):
            return scalar(node)
    return str(node)  # a date: YAML's, never ours
