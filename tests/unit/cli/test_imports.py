"""What the control plane's process does not load: memory that nothing in it would ever use."""

import subprocess
import sys

FOREIGN = {
    "grpc": "agents, and who follows SPIRE",
    "sekisho.agent.envoy": "agents",
    "sekisho.app.agent": "agents",
    "sekisho.app.up": "sekisho up",
    "sekisho.cli.doctor": "another command",
    "sekisho.cli.get": "another command",
    "sekisho.convert": "sekisho convert",
}
"""Modules, and whom they are for."""


def test_the_control_plane_does_not_load_what_others_need() -> None:
    script = "import sys, sekisho.cli.commands, sekisho.cli.control_plane; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.split())
    assert "sekisho.app.control_plane" in modules
    assert {name: FOREIGN[name] for name in FOREIGN.keys() & modules} == {}
