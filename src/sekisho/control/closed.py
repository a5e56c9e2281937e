"""Listeners that are not served although somebody wants them, and why: for who asks there."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult

from sekisho.control.rows import Row
from sekisho.engine import Engine
from sekisho.kit.hostnames import covers
from sekisho.translate.gateway.listener_sets import SOURCES
from sekisho.translate.gateway.listeners import Door, asked
from sekisho.translate.outputs import STATUSES

_TELLING = ("Accepted", "ResolvedRefs", "Programmed")
"""Conditions of a listener that say why, the first cause first."""


def closed_listeners(engine: Engine, url: SplitResult, gateway: str) -> list[Row]:
    """One for each listener that would answer `url`, of the Gateway `namespace/name` or of any."""
    sources = sorted(leaf for leaf in engine.leaves() if leaf[0] in SOURCES)
    return [
        row
        for source in sources
        for one in asked(engine.read, source)
        if _would_answer(one, url) and gateway in {"", f"{one.gateway.namespace}/{one.gateway.name}"}
        for row in _why(one, STATUSES.build(engine.read, source) or {})
    ]


def _would_answer(one: Door, url: SplitResult) -> bool:
    host = (url.hostname or "").removesuffix(".")
    return one.scheme == url.scheme and url.port in {None, one.port} and covers(one.hostname, host)


def _why(one: Door, status: Mapping[str, Any]) -> Iterator[Row]:
    said = _conditions_of(one.name, status.get("listeners", ()))
    for name in _TELLING:
        condition = said.get(name, {})
        if condition.get("status") == "False" and condition["message"]:
            yield Row("closed", f"{one.label}, port {one.port}", one.origin, condition["message"])
            return


def _conditions_of(listener: str, listeners: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    found = next((one for one in listeners if one["name"] == listener), {"conditions": ()})
    return {condition["type"]: condition for condition in found["conditions"]}
