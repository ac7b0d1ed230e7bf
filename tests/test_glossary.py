"""The glossary: each term once, where it says that it lives."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")
TEXT = re.sub(r"\n  ", " ", PAGE)
TERMS = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", TEXT, re.MULTILINE)


def test_no_term_means_two_things():
    names = [name.lower() for name, _ in TERMS]
    assert len(names) > 100
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(("name", "text"), TERMS)
def test_what_a_term_names_is_there(name, text):
    for dotted in re.findall(r"`(rppgbench[\w.]*)`", text):
        module, _, attribute = dotted.rpartition(".")
        try:
            importlib.import_module(dotted)
        except ImportError:
            assert hasattr(importlib.import_module(module), attribute), dotted


def test_the_terms_of_a_section_are_in_order():
    for section in TEXT.split("\n## ")[1:]:
        names = re.findall(r"^- \*\*(.+?)\*\*", section, re.MULTILINE)
        assert names == sorted(names, key=str.lower)


def test_what_stages_leave_has_a_word():
    assert {"alignment", "label", "traces", "crop", "face track", "skin mask", "ground truth"} <= {
        name for name, _ in TERMS
    }
