"""What is wrong with a file, by its lines, from what pydantic says of its content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rppgbench.errors import nearest
from rppgbench.protocol.yaml_document import Document


def explain(source: Document, error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """One line a problem, each with its place in the file."""
    problems = error.errors()
    # A wrong item is no item, says pydantic, and calls the list too short as well.
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
    """The keys there may be at a place; list positions and the keys of free mappings are passed by."""
    model: Any = of
    for step in location:
        if isinstance(step, int) or step not in model.model_fields:
            continue
        model = next(_models_in(model.model_fields[step].annotation), None)
        if model is None:
            return []
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[Any]:
    """Models that an annotation is made of, the outermost first."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
