"""`sekisho doctor`: walks the way of a call, hop by hop, and says where it breaks."""

from collections.abc import AsyncIterator
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from sekisho.cli import diagnosis
from sekisho.cli.diagnosis import Finding
from sekisho.cli.options import DEFAULT_CONNECTION, Connection, Url
from sekisho.cli.terminal import Exit, Failure, out
from sekisho.client import ApiError, Client
from sekisho.client.reviews import Explanation, ExplanationSpec, Permission, PermissionSpec, ask
from sekisho.client.system_status import SystemStatus, SystemStatusSpec

_WORKLOAD, _IN_ZONE = 1, 2
"""Slashes of `namespace/name`, and of `zone/namespace/name`."""

_REFUSED_ALL_THE_SAME = (
    "  Where calls fail all the same: the log of the agent beside who answers, `a connection was refused`."
)
"""What no control plane knows: who showed up with which certificate."""


async def doctor(
    url: Url,
    /,
    *,
    from_: Annotated[
        str,
        Parameter(name="--from", help="Who calls: ZONE/NAMESPACE/NAME, or without ZONE in this one."),
    ],
    connection: Connection = DEFAULT_CONNECTION,
) -> Exit:
    """Walk the way of a call to URL hop by hop, through the zones, and say where it breaks.

    Asks the control planes only: no call is sent. Exits 1 where a hop is not well. With a zone in --from, ask
    the global control plane (--kubeconfig), which reaches into all of them.
    """
    slashes = from_.count("/")
    if slashes not in {_WORKLOAD, _IN_ZONE}:
        raise Failure(f"--from {from_!r} is not written as zone/namespace/name", code=Exit.USAGE)
    zone, workload = from_.split("/", 1) if slashes == _IN_ZONE else ("", from_)
    is_well = True
    async with connection.client() as client:
        async for finding in _findings(client, zone, workload, url):
            _show(finding)
            is_well &= finding.is_well
    out.print(Text("→ every hop is well", "bold green") if is_well else Text("→ it breaks above", "bold red"))
    if is_well:
        out.print(_REFUSED_ALL_THE_SAME)
    return Exit.OK if is_well else Exit.PROBLEM


async def _findings(client: Client, zone: str, workload: str, url: str) -> AsyncIterator[Finding]:
    here = await _status(client, "")
    for finding in diagnosis.links(here, [zone] if zone else []):
        yield finding
    yield diagnosis.sidecar(zone, workload, await _status(client, zone))
    spec = ExplanationSpec(url=url, client=workload, zone=zone)
    explained = await ask(client, "Explanation", spec, Explanation)
    way = list(diagnosis.way(zone, explained))
    for finding in way:
        yield finding
    far = diagnosis.far_service(explained)
    if far is not None:
        async for finding in _there(client, zone, far, explained):
            yield finding
    elif not all(finding.is_well for finding in way):
        for finding in diagnosis.missed(zone, here):
            yield finding


async def _there(
    client: Client, zone: str, far: diagnosis.Far, explained: Explanation
) -> AsyncIterator[Finding]:
    """What the other zone has to say."""
    if not zone:
        detail = "only the global control plane reaches into it: ask it, with --from ZONE/…"
        yield Finding(far.zone, "zone", far.named, detail)
        return
    here = await _status(client, "")
    for finding in diagnosis.links(here, [far.zone]):
        yield finding
    try:
        for finding in diagnosis.ingresses(far, await _status(client, far.zone)):
            yield finding
        wish = PermissionSpec(client=diagnosis.identity_of(explained), server=far.named, zone=far.zone)
        yield diagnosis.permission(far, await ask(client, "Permission", wish, Permission))
    except ApiError as cause:
        yield Finding(far.zone, "zone", far.zone, f"does not answer: {cause}", is_well=False)


async def _status(client: Client, zone: str) -> SystemStatus:
    return await ask(client, "SystemStatus", SystemStatusSpec(zone=zone), SystemStatus)


def _show(finding: Finding) -> None:
    mark = ("✓", "green") if finding.is_well else ("✗", "red")
    where = f"{finding.where:<8}" if finding.where else ""
    line = Text.assemble(mark, f" {where} ", (f"{finding.what:<10}", "bold"), f" {finding.name}  ")
    line.append(finding.detail, "cyan" if finding.is_well else "red")
    line.rstrip()
    out.print(line)
