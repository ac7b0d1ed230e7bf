"""Prints a pip constraints file that holds every direct dependency at the lowest version that is allowed.

    python -m pip install --no-deps --editable .
    python .ci/lowest.py > lowest.txt
    python -m pip install --editable '.[test]' --constraint lowest.txt

pip itself always takes the newest version. Bounds come from the metadata of the installed distribution. The tools for
style and types (extra ``dev``) are left out: tests do without them.
"""

from __future__ import annotations

import re
from importlib.metadata import requires

DISTRIBUTION = "rppgbench"
# A name, perhaps extras, one bound, perhaps the extra of ours that asks for it.
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[[^]]*\])?\s*>=\s*(?P<bound>[\w.]+)\s*(;\s*extra == '(?P<extra>\w+)')?")


def lowest() -> dict[str, str]:
    """The lower bound of each direct dependency, by name; those of the extra ``dev`` left out.

    Raises:
        ValueError: a dependency has another kind of requirement than one lower bound.
    """
    bounds = {}
    for requirement in requires(DISTRIBUTION) or []:
        if requirement.startswith(f"{DISTRIBUTION}["):
            continue
        found = REQUIREMENT.fullmatch(requirement.replace('"', "'"))
        if found is None:
            raise ValueError(f"pyproject.toml: {requirement!r} is not of the form 'name>=version'")
        if found["extra"] != "dev":
            bounds[found["name"]] = found["bound"]
    return bounds


if __name__ == "__main__":
    for name, bound in sorted(lowest().items()):
        print(f"{name}=={bound}")
