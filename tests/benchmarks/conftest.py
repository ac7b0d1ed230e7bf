from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--paper-size",
        action="store_true",
        help="time networks at the size of their papers on the CPU too: minutes a step, and tens of GB",
    )
