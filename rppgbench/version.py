"""The version of rppgbench, in a module of its own so that modules need not import the package's door to know it."""

__version__ = "0.2.0"
