"""``rppgbench list`` and ``rppgbench show``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.console import Console
from rich.table import Table

from rppgbench.errors import UnknownName, nearest

if TYPE_CHECKING:
    from rppgbench.contracts import Spec
    from rppgbench.registry import Registry

KINDS = {"methods": "method", "enhancers": "enhancer", "codecs": "codec", "datasets": "dataset"}
CATEGORIES = (*KINDS, "protocols", "plugins")


@click.command("list")
@click.argument("what", type=click.Choice(CATEGORIES), required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
def list_(what: str | None, as_json: bool) -> None:
    """List what is installed: methods, enhancers, codecs, datasets, protocols or plugins; all of it by default.

    A plugin that cannot be loaded is listed under plugins with what is wrong with it; the others are not touched.
    """
    from rppgbench.registry import load_registry

    registry = load_registry()
    categories = (what,) if what else CATEGORIES
    if as_json:
        click.echo(json.dumps({name: _rows(registry, name) for name in categories}, indent=2))
        return
    console = Console()
    for name in categories:
        _print_rows(console, name, _rows(registry, name))
    broken = [plugin.name for plugin in registry.plugins if plugin.problems]
    if broken and "plugins" not in categories:
        Console(stderr=True).print(
            f"plugins with problems: {', '.join(broken)} (see 'rppgbench list plugins')", style="yellow"
        )


def _rows(registry: Registry, category: str) -> list[dict[str, str]]:
    from rppgbench.api import list_components

    if category == "plugins":
        return [
            {
                "name": plugin.name,
                "distribution": f"{plugin.distribution} {plugin.version}",
                "gives": ", ".join(f"{spec.kind} {spec.name}" for spec in plugin.specs) or "nothing",
                "problems": "\n".join(plugin.problems),
            }
            for plugin in registry.plugins
        ]
    if category == "protocols":
        from rppgbench.protocol.protocol_library import builtin_protocols

        return [{"name": name, "summary": _title(path)} for name, path in builtin_protocols().items()]
    return [
        {"name": spec.name, "summary": spec.summary, "plugin": registry.plugin_of(spec).name}
        for spec in list_components(KINDS[category])
    ]


def _title(path: Path) -> str:
    from rppgbench.protocol.yaml_document import read_yaml

    return str(read_yaml(path).tree.get("title", ""))


def _print_rows(console: Console, category: str, rows: list[dict[str, str]]) -> None:
    if not rows:
        console.print(f"[bold]{category}[/bold]: none installed")
        return
    keys = [key for key in rows[0] if key != "problems" or any(row["problems"] for row in rows)]
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=category, title_justify="left", title_style="bold"
    )
    for key in keys:
        table.add_column(key, style="red" if key == "problems" else None, overflow="fold")
    for row in rows:
        table.add_row(*(row[key] for key in keys))
    console.print(table, end="\n\n")


@click.command(context_settings={"max_content_width": 110})
@click.argument("name")
def show(name: str) -> None:
    """Explain NAME, a component or a protocol: parameters with units and defaults, citation, licence, origin."""
    from rppgbench.api import list_components
    from rppgbench.protocol.protocol_library import builtin_protocols
    from rppgbench.registry import load_registry

    registry = load_registry()
    specs = registry.named(name)
    protocols = builtin_protocols()
    console = Console()
    for spec in specs:
        _show_spec(console, registry, spec)
    if name in protocols:
        from rppgbench.cli.plan_display import print_declaration
        from rppgbench.protocol.resolve import load_protocol

        print_declaration(console, load_protocol(protocols[name], registry))
        console.print(f"file        {protocols[name]}", highlight=False, soft_wrap=True)
    if not specs and name not in protocols:
        known = [spec.name for spec in list_components()]
        raise UnknownName(f"nothing is called {name!r}", hint=nearest(name, [*known, *protocols]))


def _show_spec(console: Console, registry: Registry, spec: Spec) -> None:
    plugin = registry.plugin_of(spec)
    console.print(f"[bold]{spec.name}[/bold]  ({spec.kind}, version {spec.version})  {spec.summary}", highlight=False)
    facts = {
        "cite": spec.cite,
        "licence": spec.license,
        "from": f"{plugin.distribution} {plugin.version}, plugin {plugin.name}",
        "factory": spec.factory,
        **_kind_fields(spec),
    }
    for key, value in facts.items():
        if value not in ("", None, ()):
            console.print(f"  {key:<16}{value}", highlight=False, markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("  parameter", "type", "default", "meaning"):
        table.add_column(column, overflow="fold")
    for key, field in spec.params.model_fields.items():
        default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
        table.add_row(f"  {key}", _type_name(field.annotation), default, field.description or "")
    console.print(table if spec.params.model_fields else "  no parameters", end="\n\n")


def _kind_fields(spec: Spec) -> Mapping[str, Any]:
    """Fields of a spec that only specs of its kind have, with their values."""
    common = {"name", "factory", "summary", "version", "params", "cite", "license", "label"}
    common |= {"seconds_per_megapixel", "memory_bytes_per_pixel"}  # for estimates
    if not getattr(spec, "learns", True):
        common |= {"learns_from"}
    return {
        key.replace("_", " "): "yes" if value is True else "no" if value is False else value
        for key, value in vars(spec).items()
        if key not in common
    }


def _type_name(annotation: Any) -> str:
    inner = get_args(annotation)
    if inner and all(isinstance(value, str) for value in inner):
        return " | ".join(inner)
    return str(getattr(annotation, "__name__", annotation)) if not inner else str(annotation).replace("typing.", "")
