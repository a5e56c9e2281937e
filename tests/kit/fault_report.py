"""How long faults last in tests, and a table of what they did: a pytest plugin, for `make faults`."""

import os

import pytest

IS_LONG = os.environ.get("SEKISHO_FAULTS") == "long"
"""As the specification has it; the default is seconds."""
OUTAGE_SECONDS = 600.0 if IS_LONG else 5.0
"""That global is down."""
CUT_SECONDS = 300.0 if IS_LONG else 5.0
"""That the line between a zone and global is cut."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What each test recorded, by `record_property`."""
    terminalreporter.section(f"faults: global down {OUTAGE_SECONDS:g} s, line cut {CUT_SECONDS:g} s")
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            if not isinstance(report, pytest.TestReport) or (outcome == "passed" and report.when != "call"):
                continue
            name = report.nodeid.partition("::")[2].removeprefix("test_").replace("_", " ")
            terminalreporter.write_line(f"{outcome:8} {report.duration:7.1f} s  {name}")
            for key, found in report.user_properties:
                terminalreporter.write_line(f"{'':20} {key}: {found}")
