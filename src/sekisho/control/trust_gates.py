"""Whom a rotation waits for before its next step. Pure; the steps are in `identity.trust`."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sekisho.identity.ledger import Holder
from sekisho.identity.trust import Stage, Trust


class Member(NamedTuple):
    """A connected proxy that follows the trust of a mesh."""

    proxy: str
    """`workload/<namespace>/<name>`, `gateway/<namespace>/<name>`."""
    instance: str
    in_sync: bool
    """It has acknowledged the roots that everybody is to believe now, and no others."""


class Waiting(NamedTuple):
    """One proxy that a step waits for."""

    proxy: str
    """With its instance, where it has one."""
    reason: str
    """In words, for the operator."""
    offline: bool
    """It is not connected: an operator may decide to go on without it."""


def waiting(
    trust: Trust, holders: Iterable[Holder], members: Iterable[Member], is_registered: Callable[[str], bool]
) -> tuple[Waiting, ...]:
    """Whom the next step waits for, by name; empty when it may be taken.

    `holders` are those whose certificate has not ended. One that is registered no more is not waited for:
    nobody is to trust it.
    """
    members = tuple(members)
    connected = {(member.proxy, member.instance) for member in members}
    connected |= {(member.proxy, "") for member in members}  # agents that do not say on which host they are
    of_registered = [holder for holder in holders if is_registered(holder.proxy)]
    match trust.stage:
        case Stage.PUBLISHED:
            found = [*_out_of_sync(members), *_absent(of_registered, connected)]
        case Stage.ACTIVE:
            found = list(_not_renewed(trust, of_registered, connected))
        case Stage.RETIRED:
            found = list(_out_of_sync(members))
        case _:
            found = []
    return tuple(sorted(found))


_Key = tuple[str, str]


def _out_of_sync(members: Iterable[Member]) -> Iterable[Waiting]:
    for member in members:
        if not member.in_sync:
            yield Waiting(_name(member), "has not acknowledged the roots", offline=False)


def _absent(holders: Iterable[Holder], connected: set[_Key]) -> Iterable[Waiting]:
    for holder in holders:
        if (holder.proxy, holder.instance) not in connected:
            reason = f"is not connected; its certificate ends at {holder.ends:%Y-%m-%dT%H:%M:%SZ}"
            yield Waiting(_name(holder), reason, offline=True)


def _not_renewed(trust: Trust, holders: Iterable[Holder], connected: set[_Key]) -> Iterable[Waiting]:
    for holder in holders:
        if holder.generation != trust.signing:
            offline = (holder.proxy, holder.instance) not in connected
            reason = f"has a certificate of the other root until {holder.ends:%Y-%m-%dT%H:%M:%SZ}"
            yield Waiting(_name(holder), reason, offline)


def _name(one: Member | Holder) -> str:
    return f"{one.proxy}/{one.instance}" if one.instance else one.proxy
