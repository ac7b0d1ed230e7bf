"""Settings of one machine or user, which never belong in a protocol: the folders of datasets.

```yaml
data:
  obf: /data/OBF
  pure: {path: /data/PURE, partial: true}    # a copy that lacks some of what was published, and is meant to
```
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from rppgbench.contracts import DatasetSpec
from rppgbench.errors import DatasetUnavailable, ProtocolError, RppgbenchError, nearest

if TYPE_CHECKING:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

CONFIG_VARIABLE = "RPPGBENCH_CONFIG"
_KEYS = ("path", "partial")


@dataclass(frozen=True)
class DataFolder:
    """Folder of a dataset; ``partial`` marks a copy that knowingly lacks some of the published files."""

    path: Path
    partial: bool = False


def configuration_file() -> Path:
    """Path of the user's configuration file, which need not exist; ``$RPPGBENCH_CONFIG`` if that is set."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named).expanduser()
    return platformdirs.user_config_path("rppgbench", appauthor=False) / "config.yaml"


def configured_folders() -> dict[str, DataFolder]:
    """Folders of datasets by name in the configuration file; a relative one is relative to that file.

    Raises:
        RppgbenchError: the file cannot be read, or is not of that form.
    """
    path = configuration_file()
    return {str(name): _folder(path, str(name), value) for name, value in _data(path, _read(path)).items()}


def add_data_folder(name: str, path: Path, partial: bool = False) -> DataFolder:
    """Folder of dataset ``name``, written into the configuration file; all else in the file stays.

    Raises:
        DatasetUnavailable: there is no such folder.
        RppgbenchError: the configuration file cannot be read or written.
    """
    folder = DataFolder(_absolute(path), partial)
    if not folder.path.is_dir():
        raise DatasetUnavailable(f"{folder.path}: no such folder", hint=f"name the folder that holds dataset {name!r}")
    file = configuration_file()
    tree = _read(file)
    if not _data(file, tree):
        tree["data"] = {}
    tree["data"][name] = {"path": str(folder.path), "partial": True} if partial else str(folder.path)
    _write(file, tree)
    return folder


def remove_data_folder(name: str) -> bool:
    """True if dataset ``name`` was in the configuration file, from which it is removed.

    Raises:
        RppgbenchError: the configuration file cannot be read or written.
    """
    file = configuration_file()
    tree = _read(file)
    if name not in _data(file, tree):
        return False
    del tree["data"][name]
    _write(file, tree)
    return True


def data_roots(overrides: Iterable[str] = ()) -> dict[str, Path]:
    """Folders of datasets by name: the configuration's, then ``overrides`` such as ``obf=/data/OBF``.

    Raises:
        RppgbenchError: the configuration or an override is not of that form.
    """
    roots = {name: folder.path for name, folder in configured_folders().items()}
    for item in overrides:
        name, equals, path = item.partition("=")
        if not equals or not path:
            raise ProtocolError(f"--data {item}: expected NAME=PATH, such as --data obf=/data/OBF")
        roots[name] = Path(path).expanduser()
    return roots


def dataset_root(spec: DatasetSpec, roots: Mapping[str, Path], without: str) -> Path | None:
    """Folder of the dataset; None for one that renders its own recordings.

    ``without`` is the error's hint: what to do without the dataset.

    Raises:
        DatasetUnavailable: its folder is not configured, or does not exist; the message says how to get it.
    """
    if not spec.needs_files:
        return None
    root = roots.get(spec.name)
    if root is None:
        raise DatasetUnavailable(
            f"dataset {spec.name!r} is not on this machine: {spec.summary}\n"
            f"  how to get it: {spec.how_to_get or spec.url or 'ask its authors'}\n"
            f"  then point to it: --data {spec.name}=PATH, or once and for all: rppgbench data add {spec.name} PATH"
            + (
                f"\n  no data yet? a small copy of made-up faces: rppgbench data fixture {spec.name} PATH"
                if spec.fixture
                else ""
            ),
            hint=without,
        )
    if not root.is_dir():
        raise DatasetUnavailable(
            f"{root}: no such folder, expected dataset {spec.name!r} there",
            hint=f"correct --data, or where it is remembered to lie: rppgbench data add {spec.name} PATH",
        )
    return root


def _absolute(path: Path) -> Path:
    absolute = Path.cwd() / path.expanduser()
    return absolute.resolve() if ".." in absolute.parts else absolute  # links stay: their targets may move


def _folder(file: Path, name: str, value: Any) -> DataFolder:
    given = value if isinstance(value, Mapping) else {"path": value}
    where = f"{file}: data.{name}"
    for key in given:
        if key not in _KEYS:
            raise RppgbenchError(f"{where}: unknown key {key!r}", hint=nearest(str(key), _KEYS))
    path, partial = given.get("path"), given.get("partial", False)
    if not isinstance(path, str) or not path:
        raise RppgbenchError(f"{where}: expected a folder, found {path!r}", hint=f"{name}: /where/it/lies")
    if not isinstance(partial, bool):
        raise RppgbenchError(f"{where}.partial: expected true or false, found {partial!r}")
    return DataFolder(file.parent / Path(path).expanduser(), partial)


def _data(file: Path, tree: Mapping[str, Any]) -> Mapping[str, Any]:
    data = tree.get("data")
    if data is not None and not isinstance(data, Mapping):
        raise RppgbenchError(
            f"{file}: data: expected a mapping of names to folders, found {data!r}", hint="data: {obf: /data/OBF}"
        )
    return data or {}


def _read(file: Path) -> CommentedMap:
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = file.read_text(encoding="utf-8")
        tree: CommentedMap | None = _yaml().load(text)
        if tree is None and "#" in text:
            tree = _yaml().load(f"{text}\ndata:\n")  # comments need a key to hang on
    except FileNotFoundError:
        return CommentedMap()
    except MarkedYAMLError as error:
        mark = error.problem_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise RppgbenchError(f"{file}{at}: is no YAML: {error.problem or error.context}") from None
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise RppgbenchError(f"{file}: cannot be read: {error}") from None
    if tree is not None and not isinstance(tree, Mapping):
        raise RppgbenchError(
            f"{file}: expected a mapping with the key 'data', found {tree!r}", hint="data: {obf: /data/OBF}"
        )
    return CommentedMap() if tree is None else tree


def _write(file: Path, tree: CommentedMap) -> None:
    """Write a new file and move it in the place of the old one, so that a kill leaves one of the two."""
    target = file.resolve()  # a link to the file stays a link
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=".config-", delete=False
        ) as stream:
            temporary = Path(stream.name)
            _yaml().dump(tree, stream)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise RppgbenchError(
            f"{file}: cannot be written: {error.strerror or error}",
            hint=f"free the way, or point {CONFIG_VARIABLE} to a file that can",
        ) from None


def _yaml() -> YAML:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096  # paths are not folded
    return yaml
