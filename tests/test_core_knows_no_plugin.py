"""No module of the core names a component of a plugin: what it must know of one stands in the component's spec."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import rppgbench
from rppgbench.contracts import Kind
from rppgbench.registry import load_registry

CORE = Path(rppgbench.__file__).parent
NAMES = frozenset(spec.name for kind in get_args(Kind) for spec in load_registry().specs(kind))

COLOUR = "the terminal's colour"
ENGLISH = "the plain word"
EXAMPLE = "an example of what a user types"
# (module, name): why the name may stand there.
ALLOWED = {
    ("claims/claims_table.py", "green"): COLOUR,
    ("cli/data_check.py", "green"): COLOUR,
    ("cli/lock_command.py", "green"): COLOUR,
    ("cli/shared_options.py", "pos"): EXAMPLE,
    ("cli/shared_options.py", "x264"): EXAMPLE,
    ("cli/status_command.py", "green"): COLOUR,
    ("contracts.py", "lossless"): "how a video file came to be, and no codec",
    ("contracts.py", "original"): "AS_RECORDED, the core's own name of the codec without an encoder",
    ("evaluation/schema.py", "lossless"): "how a video file came to be, and no codec",
    ("pipeline/planner.py", "pos"): EXAMPLE,
    ("report/evaluated_data.py", "original"): ENGLISH,
    ("results/board_notes.py", "original"): ENGLISH,
    ("settings.py", "obf"): EXAMPLE,
    ("store/manifest.py", "manifest"): "the manifest of an artefact, and no dataset",
}


def named_in(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of every component named in a string that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            for name in NAMES.intersection(re.findall(r"\w+", node.value)):
                yield path.relative_to(CORE).as_posix(), name


NAMED = frozenset(found for path in CORE.rglob("*.py") for found in named_in(path))


def test_the_registry_has_components_of_every_kind() -> None:
    assert all(load_registry().specs(kind) for kind in get_args(Kind))


def test_no_string_of_the_core_names_a_component() -> None:
    found = sorted(NAMED - set(ALLOWED))
    assert not found, "put what is known of the component into its spec, or the reason into ALLOWED"


@pytest.mark.parametrize(("module", "name"), sorted(ALLOWED))
def test_every_exception_is_still_needed(module: str, name: str) -> None:
    assert (module, name) in NAMED, "take it out of ALLOWED"


def test_no_module_of_the_core_is_called_after_a_component() -> None:
    stems = {path.stem for path in CORE.rglob("*.py")}
    # The manifest of an artefact, and storage of frames without loss.
    assert NAMES & stems == {"manifest", "lossless"}
