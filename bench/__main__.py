"""`python -m bench [NAME…]`."""

import importlib
import sys
from collections.abc import Callable

from bench import harness

NAMES = (
    "engine", "fan-out", "route-propagation", "route-propagation-churn", "route-change", "route-scale",
    "listener-sets", "attached-routes", "cold-start", "data-plane", "isolation", "certificates",
    "backend-failover",
    "mesh-fleet", "mesh-scale", "mesh-first-request", "mesh-data-plane", "mesh-memory", "mesh-on-demand",
    "zone-join", "zone-first-request", "zone-endpoint", "zone-permission", "zone-data-plane",
)  # fmt: skip


def _bench(name: str) -> Callable[[], list[harness.Row]]:
    """Imported when it runs: a benchmark may need what another does not."""
    return lambda: importlib.import_module(f"bench.{name.replace('-', '_')}").main()


sys.exit(harness.run({name: _bench(name) for name in NAMES}, sys.argv[1:]))
