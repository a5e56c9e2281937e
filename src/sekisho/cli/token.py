"""`sekisho token`: bearer tokens for people, scripts and agents."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from sekisho.cli.columns import columns
from sekisho.cli.options import DEFAULT_CONNECTION, Connection
from sekisho.cli.terminal import Exit, err, show_failure, write
from sekisho.client.reviews import TokenAnswer, TokenSpec, ask

app = App(name="token", default_parameter=Parameter(negative=""))


@app.command
async def create(
    name: str,
    /,
    *,
    role: Annotated[
        Literal["admin", "agent", "reader"], Parameter(help="What its holder may do.")
    ] = "reader",
    days: Annotated[int, Parameter(help="How long it is good for. Default: 90.")] = 0,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Make a token for NAME (a person, a script, a host) and print it, this once."""
    spec = TokenSpec(action="create", name=name, role=role, days=days)
    async with connection.client() as client:
        answer = await ask(client, "TokenReview", spec, TokenAnswer)
    err.print("It is not stored and not shown again:")
    write(answer.token)
    return Exit.OK


@app.command(name="list")
async def list_(*, connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Show all tokens that are good now, without what is secret about them."""
    async with connection.client() as client:
        answer = await ask(client, "TokenReview", TokenSpec(action="list"), TokenAnswer)
    rows = [[token.id, token.name, token.role, token.expires] for token in answer.tokens]
    write(columns([["ID", "NAME", "ROLE", "EXPIRES"], *rows]))
    return Exit.OK


@app.command
async def revoke(
    id_: Annotated[str, Parameter(name="ID")], /, *, connection: Connection = DEFAULT_CONNECTION
) -> Exit:
    """End the token ID at once."""
    async with connection.client() as client:
        answer = await ask(client, "TokenReview", TokenSpec(action="revoke", id=id_), TokenAnswer)
    if not answer.revoked:
        show_failure(f"there is no token {id_}", "`sekisho token list` shows them.")
        return Exit.PROBLEM
    write(f"token {id_} revoked")
    return Exit.OK
