"""Options of the whole test suite."""

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is: tests share it.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite", action="store_true", help="write golden files anew instead of comparing them"
    )
