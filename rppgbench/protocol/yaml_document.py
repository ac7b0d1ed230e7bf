"""YAML 1.2 files as plain data and as validated models, with the line and column of every key and value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rppgbench.errors import ProtocolError, RppgbenchError, nearest

Location = Sequence[str | int]
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Document:
    """A parsed YAML file; ``tree`` holds plain dicts, lists and scalars."""

    path: Path
    tree: dict[str, Any]
    _marked: Any

    def where(self, location: Location = (), *, key: bool = False) -> str:
        """``file:line:column`` of the value at ``location`` (with ``key``, of its key), else of its nearest parent."""
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


def load(path: Path, model: type[ModelT], error: type[RppgbenchError], hint: str) -> tuple[ModelT, Document]:
    """The file at ``path`` validated as ``model``, and its document, for checks that need the places of values.

    Raises:
        ProtocolError: as `read_yaml`.
        RppgbenchError: of type ``error`` with ``hint``: one line per validation error, ``file:line:column`` first.
    """
    document = read_yaml(path)
    try:
        return model.model_validate(document.tree), document
    except ValidationError as invalid:
        raise error("\n".join(_explain(document, invalid, model)), hint=hint) from None


def read_yaml(path: Path) -> Document:
    """The file at ``path`` as a ``Document``.

    Raises:
        ProtocolError: the file is missing, not YAML, not a mapping, or has a duplicate key.
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


def _explain(source: Document, error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """One line per validation error, each with its place in the file."""
    problems = error.errors()
    # pydantic counts a list without its invalid items, and so reports it as too short as well.
    inside = {problem["loc"][:depth] for problem in problems for depth in range(len(problem["loc"]))}
    problems = [problem for problem in problems if problem["type"] != "too_short" or problem["loc"] not in inside]
    for problem in problems:
        location = tuple(step for step in problem["loc"] if step not in ("function-before", "function-after"))
        key = str(location[-1]) if location else ""
        if problem["type"] == "extra_forbidden":
            near = nearest(key, _fields_at(location[:-1], model))
            yield f"{source.where(location, key=True)}: unknown key {key!r} ({near})"
        elif problem["type"] == "missing":
            yield f"{source.where(location[:-1])}: key {key!r} is missing"
        else:
            name = ".".join(str(step) for step in location)
            found = "" if isinstance(problem["input"], dict | list) else f", got {problem['input']!r}"
            yield f"{source.where(location)}: {name}: {problem['msg'].removeprefix('Value error, ')}{found}"


def _fields_at(location: Sequence[str | int], of: type[BaseModel]) -> list[str]:
    """Names of the keys allowed at a place in the file; list positions and keys of free mappings are skipped."""
    model: Any = of
    for step in location:
        if isinstance(step, int) or step not in model.model_fields:
            continue
        model = next(_models_in(model.model_fields[step].annotation), None)
        if model is None:
            return []
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[Any]:
    """Pydantic models in a type annotation, outermost first."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


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
    for scalar in (int, float, str):  # ruamel's scalars are subclasses of these
        if isinstance(node, scalar):
            return scalar(node)
    return str(node)  # a YAML date; no model has a date field
