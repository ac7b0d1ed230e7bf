"""What differs between machines and users, and never belongs in a protocol: where datasets lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import platformdirs

from rppgbench.contracts import DatasetSpec
from rppgbench.errors import DatasetUnavailable, ProtocolError, RppgbenchError


def configuration_file() -> Path:
    """The user's configuration: YAML with a mapping ``data`` of dataset names to folders."""
    return platformdirs.user_config_path("rppgbench", appauthor=False) / "config.yaml"


def data_roots(overrides: Iterable[str] = ()) -> dict[str, Path]:
    """Folders of datasets by name: the configuration's, then ``overrides`` such as ``obf=/data/OBF``.

    Raises:
        RppgbenchError: the configuration or an override is not of that form.
    """
    roots = dict(_configured())
    for item in overrides:
        name, equals, path = item.partition("=")
        if not equals or not path:
            raise ProtocolError(f"--data {item}: expected NAME=PATH, such as --data obf=/data/OBF")
        roots[name] = Path(path).expanduser()
    return roots


def dataset_root(spec: DatasetSpec, roots: dict[str, Path], without: str) -> Path | None:
    """Where the dataset lies; None for one that makes its own recordings.

    ``without`` is what to try instead, named in the error.

    Raises:
        DatasetUnavailable: it is nowhere, and how to get it.
    """
    if not spec.needs_files:
        return None
    root = roots.get(spec.name)
    if root is None:
        raise DatasetUnavailable(
            f"dataset {spec.name!r} is not on this machine: {spec.summary}\n"
            f"  how to get it: {spec.how_to_get or spec.url or 'ask its authors'}\n"
            f"  then point to it: --data {spec.name}=PATH, or 'data: {{{spec.name}: PATH}}' in {configuration_file()}",
            hint=without,
        )
    if not root.is_dir():
        raise DatasetUnavailable(f"{root}: no such folder, expected dataset {spec.name!r} there", hint=spec.how_to_get)
    return root


def _configured() -> dict[str, Path]:
    path = configuration_file()
    if not path.is_file():
        return {}
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
        return {str(name): Path(str(root)).expanduser() for name, root in (tree.get("data") or {}).items()}
    except (OSError, YAMLError, AttributeError) as error:
        raise RppgbenchError(f"{path}: expected YAML with a mapping 'data' of names to folders: {error}") from None
