"""A test that fails shows how the logs of its processes end."""

from collections.abc import Generator

import pytest
from tests.kit.evidence import evidence, nothing_left


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Before fixtures are torn down; what one that could not be set up leaves is kept for this."""
    report = yield
    if report.failed:
        report.sections += [(f"end of {name}", end) for name, end in evidence()]
    nothing_left()
    return report
