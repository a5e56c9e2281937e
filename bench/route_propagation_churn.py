"""T2 under load: new routes are probed while thousands of others change."""

import time

import uvloop

from bench.applications import Applications
from bench.harness import Row, at_least, at_most, percentile, shown
from bench.probing import Prober, Propagation
from bench.rig import running_rig

NAME = "route-propagation-churn"
ROUTES = 100
"""At least so many are probed, one after another."""
SECONDS = 20.0
"""And for at least so long, so that there is churn to meet."""


def main() -> list[Row]:
    return rows(uvloop.run(measure()))


async def measure() -> Propagation:
    async with running_rig() as rig:
        applications = Applications(rig)
        await applications.create()
        prober = Prober(rig)
        await prober.prepare()
        async with applications.churning():
            began, number = time.monotonic(), 0
            while number < ROUTES or time.monotonic() - began < SECONDS:
                await prober.add(number)
                number += 1
        return prober.seen


def rows(seen: Propagation) -> list[Row]:
    return [
        at_least(NAME, "routes", len(seen.latencies), ROUTES, ""),
        shown(NAME, "write, mean", seen.mean_write, "ms"),
        at_most(NAME, "written to answering, mean", seen.mean, 40, "ms"),
        shown(NAME, "written to answering, p99", percentile(seen.latencies, 0.99), "ms"),
        shown(NAME, "written to answering, max", max(seen.latencies), "ms"),
        at_most(NAME, "answers other than 404, then 200", len(seen.others), 0, ""),
    ]
