"""`sekisho` whose Envoys have a network namespace each, as workloads with capture do: `python -m` this.

Run for `mesh_fleet`: 150 sidecars on one host would else ask for the same ports.
"""

import os
from pathlib import Path
from unittest import mock

from sekisho.app import agent
from sekisho.cli import main

ENVOY = "BENCH_ENVOY"
"""Names the program that is run for Envoy."""

if __name__ == "__main__":
    apart = Path(os.environ[ENVOY])
    with mock.patch.object(agent, "envoy_binary", return_value=apart):
        main()
