"""The page on Python runs block by block, and prints what it says."""

from __future__ import annotations

import doctest
import io
import re
import shutil
from contextlib import redirect_stdout
from pathlib import Path

import pytest

import rppgbench
from rppgbench.store.store import Store

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", PAGE, re.DOTALL)
# Three dots stand for any text, and columns may be set otherwise by another version of pandas.
LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a store, the committed leaderboards, and a video of a face."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RPPGBENCH_STORE", str(tmp_path / "store"))
    shutil.copytree(ROOT / "leaderboards", tmp_path / "leaderboards")
    part = ["recording=s01-rest", "condition=reference", "method=pos"]
    planned = rppgbench.plan("smoke", only=part)
    rppgbench.run("smoke", only=part, workers=0, progress=False)
    render = next(task for task in planned.plan.tasks.values() if task.stage == "render" and "s01-rest" in task.label)
    store = Store.open(tmp_path / "store")
    shutil.copy(store.path(render.key) / store.facts(render.key)["file"], tmp_path / "selfie.mp4")
    return tmp_path


@pytest.mark.slow
def test_the_page_runs_and_prints_what_it_says(folder):
    names: dict[str, object] = {}
    assert len(BLOCKS) > 10
    for number, (source, expected) in enumerate(BLOCKS):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(source, f"docs/python.md, block {number + 1}", "exec"), names)
        text = printed.getvalue()
        assert doctest.OutputChecker().check_output(expected, text, LOOSELY), f"{source}\nprinted\n{text}"
    assert not (folder / "leaderboards" / "smoke").exists(), "a part is not published"


def test_the_page_and_the_readme_name_every_function():
    for name in rppgbench.__all__:
        assert name == "__version__" or f"rppgbench.{name}(" in PAGE
    (lines,) = re.findall(r"## From Python\n.*?```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(lines.splitlines()) == 5
    compile(lines, "README.md", "exec")
