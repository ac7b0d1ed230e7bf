"""rppgbench: a benchmark suite for heart rate from compressed face video."""

__version__ = "0.2.0"
