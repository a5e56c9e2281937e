"""`sekisho status`: the whole system on one screen."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from rich.live import Live
from rich.text import Text

from sekisho.cli import zone_rows
from sekisho.cli.ages import age
from sekisho.cli.columns import columns
from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Format, InZone
from sekisho.cli.terminal import Exit, Failure, counted, out, write_answer
from sekisho.client import Client
from sekisho.client.reviews import ask
from sekisho.client.system_status import (
    ControlPlaneState,
    GatewayState,
    ProxyState,
    RefusalState,
    SystemStatus,
    SystemStatusSpec,
    Trouble,
)
from sekisho.model.origin import GLOBAL

REFRESH = 1.0
"""Seconds between two looks of --watch."""


async def status(
    *,
    watch: Annotated[bool, Parameter(name=["-w", "--watch"], help="Look again every second.")] = False,
    zone: InZone = "",
    output: Format = "text",
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """The control plane, its gateways, proxies, problems and certificates close to their end.

    Exits 1 when something needs a look.
    """
    if watch and output != "text":
        raise Failure("--watch shows a screen: leave out -o", code=Exit.USAGE)
    async with connection.client() as client:
        if watch:
            await _watch(client, zone)
        found = await ask(client, "SystemStatus", SystemStatusSpec(zone=zone), SystemStatus)
    if output == "text":
        out.print(screen(found, datetime.now(UTC)))
    else:
        write_answer(found, output)
    return Exit.OK if is_fine(found) else Exit.PROBLEM


def is_fine(found: SystemStatus) -> bool:
    """Nothing needs a look."""
    ready = all(proxy.connected and not proxy.rejected for proxy in found.proxies)
    linked = found.link is None or found.link.connected
    if not ready or not linked or not all(map(zone_rows.is_fine, found.zones)):
        return False
    return all(g.programmed for g in found.gateways) and not found.troubles and not found.certificates


def screen(found: SystemStatus, now: datetime) -> Text:
    """What is printed."""
    parts = [_control_plane(found.control_plane, now)]
    if found.link:
        style = "" if found.link.connected else "yellow"
        parts.append(Text.assemble(("GLOBAL  ", "bold"), (zone_rows.link(found.link, now), style)))
    if found.control_plane.place == GLOBAL:
        parts += _section("ZONES", [zone_rows.row(zone, now) for zone in found.zones], zone_rows.HEAD)
        parts += [Text(f"  {told}", "yellow") for zone in found.zones for told in zone_rows.notes(zone)]
    else:
        parts += _section("GATEWAYS", [_gateway(gateway) for gateway in found.gateways], _GATEWAY_HEAD)
        parts += _section("PROXIES", [_proxy(proxy) for proxy in found.proxies], _PROXY_HEAD)
    if found.certificates:
        parts.append(Text("CERTIFICATES CLOSE TO THEIR END", "bold"))
        parts += [Text(f"  {c.name}  until {c.expires}", "yellow") for c in found.certificates]
    if found.refusals:
        told = ", ".join(_refusal(one, now) for one in found.refusals)
        parts.append(Text.assemble(("REFUSED SINCE THE START  ", "bold"), told))
    if found.troubles:
        parts.append(Text(f"PROBLEMS ({len(found.troubles)})", "bold"))
        parts += [_trouble(trouble) for trouble in found.troubles]
    else:
        parts.append(Text("no problems", "green"))
    return Text("\n").join(parts)


async def _watch(client: Client, zone: str) -> None:
    with Live(console=out, auto_refresh=False, screen=out.is_terminal) as live:
        while True:
            found = await ask(client, "SystemStatus", SystemStatusSpec(zone=zone), SystemStatus)
            live.update(screen(found, datetime.now(UTC)), refresh=True)
            await asyncio.sleep(REFRESH)


def _control_plane(state: ControlPlaneState, now: datetime) -> Text:
    since = f", up {age(state.started, now)}" if state.started else ""
    place = f"{state.place}, " if state.place else ""
    facts = f"{place}{state.version}{since}, revision {state.revision}"
    sizes = f"{state.resources} resources, {state.published} published to proxies"
    return Text.assemble(("CONTROL PLANE  ", "bold"), f"{facts}, {sizes}")


_GATEWAY_HEAD = ("GATEWAY", "READY", "ADDRESSES", "LISTENERS")
_PROXY_HEAD = ("PROXY", "GATEWAY", "CONNECTED", "IN SYNC", "LAG", "REJECTED")


def _gateway(gateway: GatewayState) -> list[str]:
    listeners = [
        f"{listener.name} {listener.protocol} {listener.port} ({counted(listener.attached_routes, 'route')})"
        + ("" if listener.programmed else " NOT READY")
        for listener in gateway.listeners
    ]
    if gateway.listener_sets:
        listeners.append(f"those of {counted(gateway.listener_sets, 'ListenerSet')}")
    name = f"{gateway.namespace}/{gateway.name}"
    return [name, _yes(gateway.programmed), ", ".join(gateway.addresses) or "-", ", ".join(listeners) or "-"]


def _proxy(proxy: ProxyState) -> list[str]:
    behind = "yes" if proxy.synced else f"{proxy.behind} behind"
    lag = f"{proxy.lag * 1000:.0f} ms"
    rejected = str(proxy.rejected) if proxy.rejected else "-"
    return [proxy.name, proxy.gateway or "-", _yes(proxy.connected), behind, lag, rejected]


_REFUSED = {
    "resource": ("resource", "by proxies"),
    "connection": ("connection", "of no proxy of ours"),
    "stream": ("stream", "of proxies that may not have it"),
    "caller": ("call", "without a good token"),
    "right": ("call", "beyond the caller's rights"),
    "limit": ("call", "over a limit"),
    "mistake": ("call", "with mistakes"),
    "store": ("call", "as the store took nothing"),
    "fault": ("call", "by a fault of ours"),
}
"""What is counted, and which of them."""


def _refusal(state: RefusalState, now: datetime) -> str:
    noun, which = _REFUSED.get(state.what, ("time", f"({state.what})"))
    return f"{counted(state.count, noun)} {which} (last {age(state.last, now)} ago)"


def _trouble(trouble: Trouble) -> Text:
    place = f"{trouble.file}:{trouble.line}: " if trouble.file else ""
    path = f" {trouble.path}" if trouble.path else ""
    reason = f"{trouble.reason}: " if trouble.reason else ""
    return Text.assemble(
        "  ",
        (place, "bold"),
        (f"{trouble.resource}{path}: ", "cyan"),
        (f"{reason}{trouble.message}", "yellow"),
    )


def _section(title: str, rows: list[list[str]], head: tuple[str, ...]) -> list[Text]:
    if not rows:
        return [Text.assemble((title, "bold"), "  none")]
    lines = columns([list(head), *rows]).splitlines()
    return [Text(lines[0], "bold"), *map(Text, lines[1:])]


def _yes(value: bool) -> str:  # noqa: FBT001 - the value to print
    return "yes" if value else "NO"
