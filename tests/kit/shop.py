"""What examples/shop promises, call by call."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

HOST = "shop.example.com"
ATTEMPT_WITHIN = 10.0
"""Seconds until an attempt must have gone well: a service may have just begun to listen."""
_PAUSE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request, and what shows that it went right."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    services: tuple[str, ...] = ()
    """Any of these answers; empty when the proxy does."""
    location: str = ""
    """Of a redirect."""


ATTEMPTS = (
    Attempt(path="/cart", services=("cart",)),
    Attempt(path="/catalog", services=("catalog", "catalog-next")),
    Attempt(path="/catalog", headers={"x-version": "next"}, services=("catalog-next",)),
    Attempt(path="/v1/catalog", services=("catalog",)),
    Attempt(path="/basket/7", status=301, location="/cart/7"),
    Attempt(path="/nothing", status=404),
)


async def faults(base: str) -> list[str]:
    """What went wrong, of all attempts; empty when all is as promised."""
    async with httpx2.AsyncClient(base_url=base, trust_env=False, timeout=5.0) as http:
        found = [await _fault_in_the_end(http, attempt) for attempt in ATTEMPTS]
    return [fault for fault in found if fault]


async def _fault_in_the_end(http: httpx2.AsyncClient, attempt: Attempt) -> str:
    fault = "not tried"
    try:
        async with asyncio.timeout(ATTEMPT_WITHIN):
            while fault:
                fault = await _fault(http, attempt)
                await asyncio.sleep(_PAUSE if fault else 0)
    except TimeoutError:
        return f"{attempt.path}: {fault}"
    return ""


async def _fault(http: httpx2.AsyncClient, attempt: Attempt) -> str:
    """What is wrong with the answer; empty when nothing is."""
    try:
        answer = await http.get(attempt.path, headers={"Host": HOST, **attempt.headers})
    except httpx2.TransportError as cause:
        return str(cause) or type(cause).__name__
    if answer.status_code != attempt.status:
        return f"answered {answer.status_code}, not {attempt.status}"
    if attempt.location and urlsplit(answer.headers.get("Location", "")).path != attempt.location:
        return f"redirected to {answer.headers.get('Location')}, not to {attempt.location}"
    if attempt.services and answer.json()["service"] not in attempt.services:
        return f"answered by {answer.json()['service']}, not by {' or '.join(attempt.services)}"
    return ""
