"""T2: routes one after another, each from the end of its write until it answers."""

import os

import uvloop

from bench.harness import Row, at_most, percentile, shown
from bench.probing import Prober, Propagation
from bench.rig import running_rig

NAME = "route-propagation"
ROUTES = int(os.environ.get("BENCH_ROUTES", "3000"))


def main() -> list[Row]:
    return rows(uvloop.run(measure(ROUTES)))


async def measure(routes: int) -> Propagation:
    async with running_rig() as rig:
        prober = Prober(rig)
        await prober.prepare()
        for number in range(routes):
            await prober.add(number)
        return prober.seen


def rows(seen: Propagation) -> list[Row]:
    return [
        shown(NAME, "routes", len(seen.latencies), ""),
        shown(NAME, "write, mean", seen.mean_write, "ms"),
        at_most(NAME, "written to answering, mean", seen.mean, 20, "ms"),
        at_most(NAME, "written to answering, p99", percentile(seen.latencies, 0.99), 60, "ms"),
        shown(NAME, "written to answering, max", max(seen.latencies), "ms"),
        at_most(NAME, "last 100 over first 100", seen.growth, 1.5, ""),
        at_most(NAME, "answers other than 404, then 200", len(seen.others), 0, ""),
    ]
