"""`sekisho explain`: who decides what about a request, before it is sent."""

import re
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Format, InZone, Url
from sekisho.cli.requests import Claims, Headers, Method, request_headers, token_claims
from sekisho.cli.rows import show_rows, source
from sekisho.cli.terminal import Exit, Failure, out, write_answer
from sekisho.client.reviews import Explanation, ExplanationSpec, ask

_URL = re.compile(r"(?:https?|tcp)://[^/?#\s]+[^\s]*", re.ASCII | re.IGNORECASE)
_SERVED = re.compile(r"forwarded|redirected|answered [123]")
"""Outcomes that are no error."""


async def explain(
    url: Url,
    /,
    *,
    header: Headers = (),
    claim: Claims = (),
    method: Method = "GET",
    gateway: Annotated[str, Parameter(help="namespace/name of the Gateway. Default: whichever fits.")] = "",
    from_: Annotated[
        str,
        Parameter(
            name="--from", help="namespace/name of the Workload that calls. Default: nobody's, at a Gateway."
        ),
    ] = "",
    shadow: Annotated[bool, Parameter(help="As if what is in shadow counted.")] = False,
    zone: InZone = "",
    output: Format = "text",
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Say which listener, hostname, route, rule, filters and backend would serve a request to URL, and why.

    With --from, hop by hop from a workload of the mesh: name, outbound, route, policies, mutual TLS,
    permission; tcp://HOST:PORT asks about other bytes than HTTP. Nothing is sent. Exits 1 when the request
    would be refused or answered with an error.
    """
    _check(url, from_)
    spec = ExplanationSpec(
        url=url,
        method=method.upper(),
        headers=request_headers(header),
        claims=token_claims(claim),
        gateway=gateway,
        client=from_,
        shadow=shadow,
        zone=zone,
    )
    return await _asked(spec, connection, output)


def _check(url: str, client: str) -> None:
    if not _URL.fullmatch(url):
        raise Failure(f"{url!r} is not a URL like http://shop.example.com/cart", code=Exit.USAGE)
    if client and client.count("/") != 1:
        raise Failure(f"--from {client!r} is not written as namespace/name", code=Exit.USAGE)


async def _asked(spec: ExplanationSpec, connection: Connection, output: Format) -> Exit:
    async with connection.client() as client:
        answer = await ask(client, "Explanation", spec, Explanation)
    if output == "text":
        _show(answer)
    else:
        write_answer(answer, output)
    return Exit.OK if _SERVED.match(answer.outcome) else Exit.PROBLEM


def _show(answer: Explanation) -> None:
    rows = [(step.what, step.name, step.detail, source(step)) for step in answer.steps]
    show_rows(rows, ("bold", "", "cyan", "green"))
    out.print(Text.assemble(("→ ", "bold"), (answer.outcome, "bold")))
