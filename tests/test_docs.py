"""The documentation names everything there is to name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from rppgbench.cli.main import COMMANDS
from rppgbench.protocol.protocol_file import Component, ProtocolFile
from rppgbench.protocol.protocol_library import builtin_protocols

ROOT = Path(__file__).parents[1]


def keys(model: type[BaseModel]):
    for name, field in model.model_fields.items():
        yield name
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel) and not issubclass(inner, Component):
                yield from keys(inner)


@pytest.mark.parametrize("key", sorted(set(keys(ProtocolFile))))
def test_every_key_of_a_protocol_is_documented(key):
    assert re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`", (ROOT / "docs" / "protocols.md").read_text())


@pytest.mark.parametrize("name", builtin_protocols())
def test_every_protocol_is_documented(name):
    assert f"`{name}`" in (ROOT / "docs" / "protocols.md").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command):
    assert f"rppgbench {command}" in (ROOT / "README.md").read_text()


def test_every_link_of_the_documentation_leads_somewhere():
    for page in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_no_page_speaks_of_a_machine():
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        assert not re.search(r"(^|[\s`(])/(work|home|root)/", page.read_text())
