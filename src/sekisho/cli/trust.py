"""`sekisho trust`: the roots of a mesh, and their rotation without losing a request."""

from typing import Annotated

from cyclopts import App, Parameter

from sekisho.cli.columns import columns
from sekisho.cli.defaults import DEFAULTS
from sekisho.cli.options import DEFAULT_CONNECTION, Connection
from sekisho.cli.terminal import Exit, write
from sekisho.client.credentials import TrustAnswer, TrustSpec, TrustState
from sekisho.client.reviews import ask

app = App(name="trust", default_parameter=DEFAULTS)

Mesh = Annotated[str, Parameter(help="Which mesh.")]
Domain = Annotated[str, Parameter(help="One trust domain of it. Default: all.")]


@app.command
async def status(
    *, mesh: Mesh = "default", domain: Domain = "", connection: Connection = DEFAULT_CONNECTION
) -> Exit:
    """Show the roots of a mesh, how far a rotation is, and for whom it waits."""
    return await _do("status", mesh, domain, connection)


@app.command
async def rotate(
    *, mesh: Mesh = "default", domain: Domain = "", connection: Connection = DEFAULT_CONNECTION
) -> Exit:
    """Replace the root of a mesh by a new one, in stages that wait until it is safe to go on."""
    return await _do("rotate", mesh, domain, connection)


@app.command(name="continue")
async def continue_(
    *, mesh: Mesh = "default", domain: Domain = "", connection: Connection = DEFAULT_CONNECTION
) -> Exit:
    """Do not wait, at this stage, for proxies that are not connected. Calls to and from them may fail."""
    return await _do("continue", mesh, domain, connection)


@app.command
async def abort(
    *, mesh: Mesh = "default", domain: Domain = "", connection: Connection = DEFAULT_CONNECTION
) -> Exit:
    """Take a rotation back, with the same care."""
    return await _do("abort", mesh, domain, connection)


async def _do(action: str, mesh: str, domain: str, connection: Connection) -> Exit:
    spec = TrustSpec(action=action, mesh=mesh, domain=domain)
    async with connection.client() as client:
        answer = await ask(client, "TrustReview", spec, TrustAnswer)
    write("\n\n".join(map(_shown, answer.domains)))
    return Exit.OK


def _shown(state: TrustState) -> str:
    """A trust domain, its roots, and whom its rotation waits for."""
    issuer = f"issuing certificate until {state.issuer_expires}"
    if state.successor_expires:
        issuer += f", the next one until {state.successor_expires}"
    if not state.root_key_here:
        issuer += "; the root's key is not here"
    lines = [
        f"{state.domain}: {state.stage} since {state.since}, {state.holders} certificates in use",
        issuer,
        columns([["ROOT", "EXPIRES", "SIGNS"], *([root.fingerprint[:16], root.expires,
                 "yes" if root.signing else ""] for root in state.roots)]),
    ]  # fmt: skip
    if state.waiting:
        rows = [[one.proxy, "no" if one.offline else "yes", one.reason] for one in state.waiting]
        lines += ["", columns([["WAITS FOR", "CONNECTED", "WHICH"], *rows])]
    return "\n".join(lines)
