"""`sekisho token`: bearer tokens for people, scripts and agents, and how proxies join."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from sekisho.cli.columns import columns
from sekisho.cli.defaults import DEFAULTS
from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Format
from sekisho.cli.terminal import Exit, Failure, err, show_failure, write, write_answer
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.reviews import ask

app = App(name="token", default_parameter=DEFAULTS)

JOIN_PARTS = 3
"""Of `workload/NAMESPACE/NAME`; gateways join as `gateway/NAMESPACE/NAME`."""


@app.command
async def create(
    name: Annotated[str, Parameter(help="Who it is for: a person, a script, a host.")] = "",
    /,
    *,
    join: Annotated[
        str,
        Parameter(help="Make a token for the first certificate of one proxy: workload/NAMESPACE/NAME."),
    ] = "",
    role: Annotated[
        Literal["admin", "agent", "reader"], Parameter(help="What its holder may do.")
    ] = "reader",
    proxy: Annotated[
        tuple[str, ...],
        Parameter(help="For an agent: a proxy it speaks for, workload/NAMESPACE/* for many, * for all."),
    ] = (),
    days: Annotated[int, Parameter(help="How long it is good for. Default: 90.")] = 0,
    minutes: Annotated[int, Parameter(help="Added to --days. Default with --join: 10.")] = 0,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Make a token for NAME or for a proxy that joins; print it, this once."""
    if bool(name) == bool(join):
        raise Failure("name either who the token is for, or with --join a proxy", code=Exit.USAGE)
    if join and join.count("/") != JOIN_PARTS - 1:
        raise Failure(f"--join: {join!r} is not workload/NAMESPACE/NAME", code=Exit.USAGE)
    if join:
        spec = TokenSpec(action="create", role="join", proxies=(join,), days=days, minutes=minutes)
    else:
        spec = TokenSpec(action="create", name=name, role=role, proxies=proxy, days=days, minutes=minutes)
    async with connection.client() as client:
        answer = await ask(client, "TokenReview", spec, TokenAnswer)
    err.print("It is good once, and not shown again:" if join else "It is not stored and not shown again:")
    write(answer.token)
    return Exit.OK


@app.command(name="list")
async def list_(*, output: Format = "text", connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Show all tokens that are good now, and what was revoked, without what is secret about them."""
    async with connection.client() as client:
        answer = await ask(client, "TokenReview", TokenSpec(action="list"), TokenAnswer)
    if output != "text":
        write_answer(answer, output)
        return Exit.OK
    rows = [[one.id, one.name, one.role, one.expires, ",".join(one.proxies)] for one in answer.tokens]
    write(columns([["ID", "NAME", "ROLE", "EXPIRES", "PROXIES"], *rows]))
    if answer.revocations:
        revoked = [[one.what, one.at, one.until] for one in answer.revocations]
        write("\n" + columns([["REVOKED", "AT", "UNTIL"], *revoked]))
    return Exit.OK


@app.command
async def revoke(
    id_: Annotated[str, Parameter(name="ID", help="As `list` shows it; or a proxy.")],
    /,
    *,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """End the token ID at once, with the certificates that descend from it.

    With a proxy in the place of ID (workload/NAMESPACE/NAME): end every certificate it was given so far. It
    comes back with a new join token, or by an agent's token that speaks for it and is not revoked.
    """
    async with connection.client() as client:
        answer = await ask(client, "TokenReview", TokenSpec(action="revoke", id=id_), TokenAnswer)
    if not answer.revoked:
        advice = "`sekisho token list` shows them. Certificates that descend from it are refused now."
        show_failure(f"there is no token {id_}", advice)
        return Exit.PROBLEM
    write(f"{'certificates of' if '/' in id_ else 'token'} {id_} revoked")
    return Exit.OK
