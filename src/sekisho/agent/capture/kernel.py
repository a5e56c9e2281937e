"""Puts a capture into the kernel of this network namespace, and takes it out."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import structlog

from sekisho.agent.capture import routes, rules
from sekisho.agent.capture.plan import Plan
from sekisho.aio.tasks import finished

log = structlog.get_logger()

_EXISTS = b"File exists"
"""How `ip rule add` says that the rule is there already; `replace` it has none."""
_IPV6_OFF = Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6")


class CaptureFailed(Exception):
    """The kernel, or `nft` or `ip`, refused; the message is theirs."""


async def install(plan: Plan, instead_of: Plan | None = None) -> None:
    """Replaces the rules of an earlier run in one step. Raises CaptureFailed.

    `instead_of`: what this process installed before, whose routes go unless `plan` has them, too. Should this
    process be killed they stay, so that nothing goes past a proxy that still runs.
    """
    families = _families()
    # Routes first: they do nothing without the rules, and rules without them would lose packets.
    for command in routes.added(plan, families):
        await _run("ip", *command)
    await _run("nft", "--file", "-", given=rules.ruleset(plan))
    if instead_of is not None:
        await _each(routes.outdated(instead_of, plan, families))
    log.info("capture is in place", table=plan.table, transparent=plan.transparent)


async def remove(plan: Plan) -> None:
    """Takes out what `install` put in; what is not there is no matter."""
    try:
        await _run("nft", "--file", "-", given=rules.removal(plan.table))
    except CaptureFailed as error:
        log.error("capture could not be removed", table=plan.table, reason=str(error))
        return
    await _each(routes.removed(plan, _families()))
    log.info("capture was removed", table=plan.table)


async def _each(commands: Iterable[routes.Command]) -> None:
    """All of them, whichever fail."""
    for command in commands:
        with contextlib.suppress(CaptureFailed):
            await _run("ip", *command)


def _families() -> Iterable[str]:
    try:
        off = _IPV6_OFF.read_text().strip() != "0"
    except OSError:
        off = True
    return ("-4",) if off else ("-4", "-6")


async def _run(program: str, *arguments: str, given: str = "") -> None:
    path = shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if path is None:
        raise CaptureFailed(f"there is no {program} on this host: install nftables and iproute2")
    # Not by the loop: uvloop's forks, with gRPC's threads beside it, and fails where the program ends before
    # all is written to it. A thread of ours starts it with vfork, as `processes` does.
    ended = await finished(
        asyncio.to_thread(
            subprocess.run, (path, *arguments), input=given.encode(), capture_output=True, check=False
        )
    )
    if ended.returncode and _EXISTS not in ended.stderr:
        why = ended.stderr.decode(errors="replace").strip()
        raise CaptureFailed(f"{program} {' '.join(arguments)}: {why}")
