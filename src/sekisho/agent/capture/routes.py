"""Routes a capture needs beside its rules, as arguments of `ip`."""

from collections.abc import Iterable, Sequence

from sekisho.agent.capture.plan import Plan
from sekisho.agent.capture.rules import INBOUND_MARK, OUTBOUND_MARK, OWN_MARK

SOURCE = "::6/128"
"""The IPv6 one of rules.INBOUND_SOURCES; of IPv4, all of 127.0.0.0/8 is on `lo` from the start."""
TABLE = 24066
"""Routing table of packets that are marked; the number is ours by choice."""
_PRIORITY = 24066

Command = Sequence[str]


def added(plan: Plan, families: Iterable[str]) -> Iterable[Command]:
    """What is to be run; `families`: `-4`, `-6`, those the namespace has. Running it twice is no harm."""
    for family in families:
        for network in _of_family(plan.virtual_ranges, family):
            yield (family, "route", "replace", network, "dev", "lo")
        if family == "-6":
            yield (family, "address", "replace", SOURCE, "dev", "lo")
        if plan.transparent:
            everything = "0.0.0.0/0" if family == "-4" else "::/0"
            yield (family, "route", "replace", "local", everything, "dev", "lo", "table", str(TABLE))
            for mark in (OUTBOUND_MARK, INBOUND_MARK, OWN_MARK):
                yield (family, "rule", "add", *_rule(mark))


def outdated(before: Plan, now: Plan, families: Iterable[str]) -> Iterable[Command]:
    """Takes away the routes of an earlier plan that another one has not: each may fail."""
    gone = [range_ for range_ in before.virtual_ranges if range_ not in now.virtual_ranges]
    for family in families:
        yield from _unrouted(gone, family)


def removed(plan: Plan, families: Iterable[str]) -> Iterable[Command]:
    """Takes away what `added` brought, whatever of it is there: each may fail."""
    for family in families:
        yield from _unrouted(plan.virtual_ranges, family)
        if family == "-6":
            yield (family, "address", "del", SOURCE, "dev", "lo")
        for mark in (OUTBOUND_MARK, INBOUND_MARK, OWN_MARK):
            yield (family, "rule", "del", *_rule(mark))
        yield (family, "route", "flush", "table", str(TABLE))


def _unrouted(ranges: Iterable[str], family: str) -> Iterable[Command]:
    return ((family, "route", "del", network, "dev", "lo") for network in _of_family(ranges, family))


def _rule(mark: int) -> Command:
    return ("fwmark", f"{mark:#x}", "lookup", str(TABLE), "priority", str(_PRIORITY))


def _of_family(ranges: Iterable[str], family: str) -> Iterable[str]:
    """Addresses of services are nobody's, and yet need a route: the kernel looks for one before any rule sees
    the packet, and a namespace may have no default route, or none for IPv6."""
    return (network for network in ranges if (":" in network) == (family == "-6"))
