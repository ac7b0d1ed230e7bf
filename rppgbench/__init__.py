"""rppgbench: a benchmark suite for heart rate from compressed face video.

The functions below are all that a script needs; see `rppgbench.api` and docs/python.md. They are imported on first use,
so that ``import rppgbench`` costs nothing.
"""

from rppgbench.version import __version__

TYPE_CHECKING = False  # type checkers take it for true; importing typing would cost more than all else here
if TYPE_CHECKING:
    from rppgbench.api import list_components, load_protocol, measure, open_results, plan, run
else:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'rppgbench' has no attribute {name!r}")
        import importlib

        return globals().setdefault(name, getattr(importlib.import_module("rppgbench.api"), name))


__all__ = ["__version__", "list_components", "load_protocol", "measure", "open_results", "plan", "run"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
