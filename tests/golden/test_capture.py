"""nftables rules, as `capture/<case>.nft`; `pytest tests/golden --rewrite`, then read the difference."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sekisho.agent.capture.plan import Plan, ranges
from sekisho.agent.capture.rules import ruleset

FOLDER = Path(__file__).parent / "capture"
EVERYTHING = {
    "application_ports": (8080, 9000),
    "uncaptured_inbound_ports": (22, 9000),
    "uncaptured_outbound_ports": (25, 465),
    "uncaptured_ranges": ranges(("10.0.0.0/8", "10.1.0.0/16", "fd00::/8")),
    "uncaptured_users": (5, 33),
}
CASES = {
    "redirect": Plan(table="sekisho_x", application_ports=(8080,)),
    "redirect-everything": Plan(table="sekisho_x", **EVERYTHING),
    "redirect-permissive": Plan(table="sekisho_x", application_ports=(8080,), strict=False),
    "transparent": Plan(table="sekisho_x", transparent=True, application_ports=(8080,)),
    "transparent-everything": Plan(table="sekisho_x", transparent=True, **EVERYTHING),
}


@pytest.mark.parametrize("case", CASES)
def test_the_rules_are_those_in_the_file(case: str, pytestconfig: pytest.Config) -> None:
    file, made = FOLDER / f"{case}.nft", ruleset(CASES[case])
    if pytestconfig.getoption("--rewrite"):
        file.write_text(made)
    assert made == file.read_text()


@pytest.mark.skipif(shutil.which("nft") is None, reason="asks nft, which is not installed")
@pytest.mark.parametrize("case", CASES)
def test_nft_takes_the_rules(case: str) -> None:
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "nft", "--check", "--file", "-"],
        input=ruleset(CASES[case]), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
