"""Passthrough: captured connections to addresses that are not of the mesh."""

from ipaddress import ip_address, ip_network

from msgspec.structs import replace

from sekisho import ir
from sekisho.model.policies.passthrough import PassthroughDefault, PassthroughMatch


def passthrough(node: ir.Passthrough, conf: PassthroughDefault) -> ir.Passthrough:
    """A policy that names no mode lets through what matches, and nothing else."""
    mode = conf.passthrough_mode or "Matched"
    if mode != "Matched":
        return replace(node, everything=mode == "All", matches=())
    matches = tuple(dict.fromkeys(_match(one) for one in conf.append_match or ()))
    return replace(node, everything=False, matches=matches)


def _match(asked: PassthroughMatch) -> ir.PassthroughMatch:
    hostnames = (asked.value,) if asked.type == "Domain" else ()
    ranges = () if asked.type == "Domain" else (_range(asked.value),)
    return ir.PassthroughMatch(
        hostnames=hostnames, ranges=ranges, port=asked.port or 0, protocol=asked.protocol
    )


def _range(text: str) -> str:
    """An address is a range of its own."""
    if "/" in text:
        return str(ip_network(text))
    address = ip_address(text)
    return f"{address}/{address.max_prefixlen}"
