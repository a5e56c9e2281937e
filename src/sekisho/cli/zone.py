"""`sekisho zone`: the zones of a global control plane: made, let in, shown, shut out."""

import shlex
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from sekisho.app.zones.place import is_zone_name
from sekisho.cli.columns import columns
from sekisho.cli.defaults import DEFAULTS
from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Format
from sekisho.cli.terminal import Exit, Failure, err, write, write_answer
from sekisho.cli.zone_rows import HEAD, row
from sekisho.client import AlreadyExists, Client, NotFound, Object
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.reviews import ask
from sekisho.client.system_status import SystemStatus
from sekisho.federation.zone_status import CONFIRM
from sekisho.identity.files import private_directory, write_private
from sekisho.model.origin import GLOBAL

app = App(name="zone", default_parameter=DEFAULTS)

Name = Annotated[str, Parameter(name="NAME")]
Folder = Annotated[
    Path | None, Parameter(help="Where token and CA are written, to be taken along. Default: zone-NAME")
]
Url = Annotated[
    str, Parameter(help="Where the zone reaches this control plane. Default: as the kubeconfig has it")
]
Minutes = Annotated[int, Parameter(help="How long the token waits to be used. Default: 60")]


@app.command
async def create(
    name: Name,
    /,
    *,
    folder: Folder = None,
    url: Url = "",
    minutes: Minutes = 0,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Make the zone NAME, and the token and CA with which its control plane joins."""
    if not is_zone_name(name) or name == GLOBAL:
        raise Failure(f"{name!r} is not the name of a zone: a-z, 0-9 and dashes", code=Exit.USAGE)
    async with connection.client() as client:
        try:
            await client.create(_zone(name))
        except AlreadyExists:
            raise Failure(
                f"there is a zone {name} already",
                advice=f"`sekisho zone token {name}` makes another token for it.",
            ) from None
        await _invite(client, name, folder, url, minutes)
    return Exit.OK


@app.command
async def token(
    name: Name,
    /,
    *,
    folder: Folder = None,
    url: Url = "",
    minutes: Minutes = 0,
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Make another token for the zone NAME: it lost its state, or its certificates were revoked."""
    async with connection.client() as client:
        await _found(client, name)
        await _invite(client, name, folder, url, minutes)
    return Exit.OK


@app.command(name="list")
async def list_(*, output: Format = "text", connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Show all zones: whether they are connected, since when, in sync, and what they are."""
    async with connection.client() as client:
        found = await ask(client, "SystemStatus", None, SystemStatus)
    if output != "text":
        write_answer(found.zones, output)
        return Exit.OK
    if not found.zones:
        err.print("no zones: `sekisho zone create NAME` at the global control plane makes one")
        return Exit.OK
    now = datetime.now(UTC)
    write(columns([list(HEAD), *(row(zone, now) for zone in found.zones)]))
    return Exit.OK


@app.command
async def disable(name: Name, /, *, connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Cut the zone NAME off: what it exports leaves the others, and they leave it. It serves itself on."""
    return await _enable(name, connection, enabled=False)


@app.command
async def enable(name: Name, /, *, connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Let the zone NAME in again, with the certificate it has."""
    return await _enable(name, connection, enabled=True)


@app.command
async def remove(name: Name, /, *, connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Forget the zone NAME: all it exported leaves the others, its certificates and tokens end.

    With another `create` and its token it may come back.
    """
    async with connection.client() as client:
        await _found(client, name)
        await client.delete("Zone", name)
    write(f"zone {name} removed")
    return Exit.OK


@app.command
async def confirm(name: Name, /, *, connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Agree that copies go which a control plane restored from a backup does not know any more.

    They are kept until then, here and in the zone NAME: `sekisho status` names them.
    """
    async with connection.client() as client:
        status = (await _found(client, name)).get("status") or {}
        waiting = [(status.get("held") or {}).get("confirmation"), status.get("confirmation")]
        agreed = ",".join(one for one in waiting if one)
        if not agreed:
            write(f"nothing waits to be confirmed for the zone {name}")
            return Exit.OK
        await client.patch("Zone", name, patch={"metadata": {"annotations": {CONFIRM: agreed}}})
    write(f"confirmed for the zone {name}")
    return Exit.OK


async def _enable(name: str, connection: Connection, *, enabled: bool) -> Exit:
    async with connection.client() as client:
        await _found(client, name)
        await client.patch("Zone", name, patch={"spec": {"enabled": enabled}})
    write(f"zone {name} {'enabled' if enabled else 'disabled'}")
    return Exit.OK


async def _found(client: Client, name: str) -> Object:
    try:
        return await client.get("Zone", name)
    except NotFound:
        raise Failure(f"there is no zone {name}", advice="`sekisho zone list` shows them.") from None


async def _invite(client: Client, name: str, folder: Path | None, url: str, minutes: int) -> None:
    """Writes what the zone's host needs, and prints what is run there."""
    access = client.transport.access
    spec = TokenSpec(action="create", role="zone", proxies=(f"zone/{name}",), minutes=minutes)
    made = await ask(client, "TokenReview", spec, TokenAnswer)
    chosen = private_directory(folder or Path(f"zone-{name}"))
    write_private(chosen / "token", f"{made.token}\n".encode())
    write_private(chosen / "global-ca.pem", access.authority.encode())
    server = url or access.server
    err.print(
        f"Zone {name}: the token is good once, and for {minutes or 60} minutes. "
        f"Bring {chosen}/ to the zone's host, and run there:"
    )
    write(_command(name, server, chosen))
    if _is_loopback(server):
        err.print(
            "That address is this host alone: let the API listen on another (--api), and name it with --url."
        )


def _command(name: str, server: str, folder: Path) -> str:
    words = [
        "sekisho", "control-plane", "--zone", name, "--global", server,
        "--global-ca", str(folder / "global-ca.pem"), "--zone-token-file", str(folder / "token"),
    ]  # fmt: skip
    return shlex.join(words)


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _zone(name: str) -> dict[str, object]:
    return {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Zone", "metadata": {"name": name}}
