"""`sekisho demo`: the shop, and what to try with it."""

from typing import Annotated

from cyclopts import Parameter

from sekisho.app import demo as shop
from sekisho.app import settings
from sekisho.app.up import up as run_up
from sekisho.app.urls import programmed
from sekisho.cli.options import StateFolder
from sekisho.cli.terminal import Exit, write
from sekisho.cli.up import Api, Xds
from sekisho.cli.voice import TerminalVoice
from sekisho.client import Client

_NO_LONGER = 1.0
"""Seconds for the answer about the Gateway: `up` has waited for it already."""


async def demo(
    *,
    check: Annotated[bool, Parameter(help="Make the requests, end, and exit 1 when one went wrong.")] = False,
    state: StateFolder = None,
    api: Api = None,
    xds: Xds = None,
) -> Exit:
    """Run examples/shop: a control plane, an Envoy gateway, three services. Ctrl-C ends all of it."""
    voice = TerminalVoice()

    async def then(client: Client) -> bool | None:
        base = await _base(client)
        if check:
            return bool(base) and await shop.check(base, voice)
        if base:
            write("\n".join(shop.lines(base)))
        return None

    went_well = await run_up(settings.up(shop.shop(), state=state, api=api, xds=xds), voice, then=then)
    return Exit.OK if went_well else Exit.PROBLEM


async def _base(client: Client) -> str:
    """`http://localhost:8080`, of the shop; empty when its Gateway is not ready, as `up` has told."""
    found = await programmed(client, _NO_LONGER)
    plain = [
        url for key, urls in found.items() if key.name == "shop" for url in urls if url.startswith("http:")
    ]
    return plain[0] if plain else ""
