"""`sekisho` whose Envoys have a network namespace each, as workloads with capture do: `python -m` this.

Run for `mesh_fleet`: 150 sidecars on one host would else ask for the same ports.
"""

import os
import sys
from pathlib import Path

from sekisho.app import agent
from sekisho.cli import main

ENVOY = "BENCH_ENVOY"
"""Names the program that is run for Envoy."""

if __name__ == "__main__":
    apart = Path(os.environ[ENVOY])
    agent.envoy_binary = lambda: apart  # type: ignore[attr-defined]
    sys.exit(main())
