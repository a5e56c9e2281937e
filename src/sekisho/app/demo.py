"""`sekisho demo`: the shop, what to try with it, and trying it."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

import httpx2

from sekisho.app.voice import Voice

HOST = "shop.example.com"
ATTEMPT_WITHIN = 10.0
"""Seconds until an attempt must have gone well: a service may have just begun to listen."""
_PAUSE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request, and what shows that it went right."""

    path: str
    shows: str
    """What it is an example of."""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    services: tuple[str, ...] = ()
    """Any of these answers; empty when the proxy does."""
    location: str = ""
    """Of a redirect."""

    def curl(self, base: str) -> str:
        """The command a person types."""
        headers = {"Host": HOST, **self.headers}
        options = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
        return f"curl {'-i ' if self.location else ''}{options} {base}{self.path}"


ATTEMPTS = (
    Attempt(path="/cart", shows="a route by path", services=("cart",)),
    Attempt(
        path="/catalog", shows="a split: 1 of 10 sees the next version", services=("catalog", "catalog-next")
    ),
    Attempt(
        path="/catalog", shows="a route by header", headers={"x-version": "next"}, services=("catalog-next",)
    ),
    Attempt(path="/v1/catalog", shows="a rewrite", services=("catalog",)),
    Attempt(path="/basket/7", shows="a redirect", status=301, location="/cart/7"),
    Attempt(path="/nothing", shows="no route: 404", status=404),
)


def shop() -> Path:
    """The folder of the shop: of this checkout, or of the installed package."""
    checkout = Path(__file__).parents[3] / "examples" / "shop"
    found = checkout if checkout.is_dir() else Path(sys.prefix) / "share" / "sekisho" / "shop"
    here = Path.cwd()
    return found.relative_to(here) if found.is_relative_to(here) else found


def lines(base: str) -> Sequence[str]:
    """What to try, for a person."""
    port = urlsplit(base).port
    sekisho = _command()
    commands = [(attempt.curl(base), attempt.shows) for attempt in ATTEMPTS]
    commands += [
        (f"{sekisho} explain http://{HOST}:{port}/catalog -H 'x-version: next'", "who decides, and where"),
        (f"{sekisho} status", "the whole system"),
        (f"{sekisho} get gateways,httproutes -A", "as kubectl does"),
    ]
    width = max(len(command) for command, _ in commands)
    return [
        "try, in another terminal:",
        *(f"  {command.ljust(width)}  # {shows}" for command, shows in commands),
    ]


def _command() -> str:
    """`sekisho` as this person can type it: with its path where the shell would not find it."""
    if which("sekisho"):
        return "sekisho"
    program = Path(sys.executable).with_name("sekisho")
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)


async def check(base: str, voice: Voice) -> bool:
    """Makes every attempt; tells how each went; returns whether all went well."""
    results = []
    async with httpx2.AsyncClient(base_url=base, trust_env=False, timeout=5.0) as http:
        for attempt in ATTEMPTS:
            fault = await _fault_in_the_end(http, attempt)
            results.append(not fault)
            if fault:
                voice.trouble(f"{attempt.curl(base)}: {fault}")
            else:
                voice.done(attempt.curl(base), attempt.shows)
    return all(results)


async def _fault_in_the_end(http: httpx2.AsyncClient, attempt: Attempt) -> str:
    fault = "not tried"
    try:
        async with asyncio.timeout(ATTEMPT_WITHIN):
            while fault:
                fault = await _fault(http, attempt)
                await asyncio.sleep(_PAUSE if fault else 0)
    except TimeoutError:
        return fault
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
