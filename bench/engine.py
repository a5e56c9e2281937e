"""The engine with the real translators: everything from nothing, one endpoint change, one route edit."""

import gc
import time
from collections.abc import Callable
from typing import Any

from tests.kit.objects import route

from bench.harness import Row, at_most, shown
from bench.world import leaves, services, slice_of
from sekisho.engine import Engine
from sekisho.envoy.outputs import EMISSIONS

NAME = "engine"
SERVICES = 1_000
CHANGES = 300


def main() -> list[Row]:
    """Times are the best of several: the rest is other people's noise. Counts do not vary."""
    world = leaves(services(SERVICES))
    engine, cold = _cold(world)
    endpoints = [leaves([slice_of(7, version)]) for version in range(1, CHANGES)]
    edits = [leaves([_edited(version)]) for version in range(CHANGES)]
    endpoint_seconds, endpoint_runs = _repeated(engine, endpoints)
    edit_seconds, edit_runs = _repeated(engine, edits)
    resources = sum(len(list(engine.keys(emission.output))) for emission in EMISSIONS)
    return [
        at_most(NAME, f"{SERVICES} services built, serialised, hashed from nothing", cold * 1e3, 150, "ms"),
        shown(NAME, "resources in it", resources, ""),
        shown(NAME, "one endpoint change, to bytes", endpoint_seconds * 1e6, "µs"),
        at_most(NAME, "queries re-run by an endpoint change", endpoint_runs, 4, ""),
        shown(NAME, "one route edit, to bytes", edit_seconds * 1e6, "µs"),
        at_most(NAME, "queries re-run by a route edit", edit_runs, 16, ""),
    ]


def _cold(world: dict[Any, Any]) -> tuple[Engine, float]:
    """From nothing, without the collector: the loop switches it off for its first commit as well."""
    best, engine = float("inf"), Engine([])
    for _ in range(5):
        engine = Engine([emission.output for emission in EMISSIONS])
        gc.collect()
        gc.disable()
        best = min(best, _seconds(lambda engine=engine: engine.commit(world)))  # type: ignore[misc]
        gc.enable()
    return engine, best


def _repeated(engine: Engine, commits: list[dict[Any, Any]]) -> tuple[float, float]:
    """Seconds of the median commit, and queries run per commit."""
    engine.commit(commits[0])
    engine.runs.clear()
    times = sorted(_seconds(lambda one=one: engine.commit(one)) for one in commits[1:])  # type: ignore[misc]
    return times[len(times) // 2], sum(engine.runs.values()) / len(times)


def _edited(version: int) -> dict[str, Any]:
    """The route of s7 with a changing header."""
    filters = [
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {"set": [{"name": "x-v", "value": str(version)}]},
        }
    ]
    return route("s7", "s7.example.com", "s7", filters=filters)


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
