"""Tests of real processes: they have more time, and a failure is shown with the ends of their logs."""

from collections.abc import Generator
from pathlib import Path

import pytest
from tests.kit.evidence import evidence, nothing_left

SECONDS = 400
"""A test may take, with the start of the processes it is the first to use, where it says nothing itself."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that are collected are shown here, those of other folders too."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Before fixtures are torn down; what one that could not be set up leaves is kept for this."""
    report = yield
    if report.failed:
        report.sections += [(f"end of {name}", end) for name, end in evidence()]
    nothing_left()
    return report
