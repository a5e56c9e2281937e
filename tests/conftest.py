"""Options of the whole test suite."""

import signal

import pytest
from hypothesis import HealthCheck, settings

# A shell that has tests run in the background has them ignore Ctrl-C, and so would all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is: tests share it.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A commit has the same verdict each time it is asked for; `make search` is who looks for what is new.
settings.register_profile("steady", settings.get_profile("search"), derandomize=True)
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite", action="store_true", help="write golden files anew instead of comparing them"
    )
