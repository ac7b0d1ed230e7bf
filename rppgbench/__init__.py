"""rppgbench: a benchmark suite for heart rate from compressed face video."""

from rppgbench.version import __version__

__all__ = ["__version__"]
