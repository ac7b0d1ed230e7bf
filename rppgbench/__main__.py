"""``python -m rppgbench``."""

from rppgbench.cli.main import main

main()
