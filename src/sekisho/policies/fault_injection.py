"""FaultInjection: errors, delays and slow answers on purpose."""

import re
from collections.abc import Iterable

from msgspec.structs import replace

from sekisho import ir
from sekisho.kit import durations
from sekisho.model.policies.fault_injection import FaultInjectionDefault, HttpFault
from sekisho.policies.rules import Rule, chosen
from sekisho.policies.values import millionths

_BANDWIDTH = re.compile(r"([0-9]+) ?([kmg])bps", re.IGNORECASE)
_BITS = {"k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_BITS_OF_A_KIB = 8 * 1024


def inbound(node: ir.Inbound, rules: Iterable[Rule]) -> ir.Inbound:
    """By who calls."""
    found = chosen(rules, FaultInjectionDefault)
    return replace(node, faults=tuple(replace(one, value=faults(one.value)) for one in found))


def outbound(node: ir.Outbound, conf: FaultInjectionDefault) -> ir.Outbound:
    """In the workload's own calls; bytes cannot be answered."""
    return node if node.tcp is not None else replace(node, fault=faults(conf))


def faults(conf: FaultInjectionDefault) -> tuple[ir.Fault, ...]:
    """One after the other."""
    return tuple(_fault(one) for one in conf.http or ())


def _fault(asked: HttpFault) -> ir.Fault:
    abort, delay, slow = asked.abort, asked.delay, asked.response_bandwidth
    return ir.Fault(
        abort_status=abort.http_status if abort else 0,
        abort_millionths=millionths(abort.percentage) if abort else 0,
        delay_ms=durations.parse(delay.value) if delay else 0,
        delay_millionths=millionths(delay.percentage) if delay else 0,
        bandwidth_kbps=kib_per_second(slow.limit) if slow else 0,
        bandwidth_millionths=millionths(slow.percentage) if slow else 0,
    )


def kib_per_second(text: str) -> int:
    """`1mbps` is 122; never 0, which would be no bound. Raises ValueError when `text` is no bandwidth."""
    found = _BANDWIDTH.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a bandwidth such as 1mbps')
    number, unit = found.groups()
    return max(1, int(number) * _BITS[unit.lower()] // _BITS_OF_A_KIB)
