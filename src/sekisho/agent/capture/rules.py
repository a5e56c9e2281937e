"""The nftables rules of a capture, as text for `nft -f -`: one transaction that replaces what was there.

Chains see a connection's first packet (type nat) or all packets (filter, route); `accept` ends a chain only.
"""

from collections.abc import Iterable, Sequence
from ipaddress import collapse_addresses

from sekisho.agent.capture.plan import Plan, Range

OUTBOUND_MARK, INBOUND_MARK, OWN_MARK = 0x5E01, 0x5E02, 0x5E03
"""Of TPROXY's packets: to the outbound listener; of inbound connections, with those from the proxy to the
application; from the proxy to its own workload, which are inbound as well."""
INBOUND_SOURCES = ("ip saddr 127.0.0.6", "ip6 saddr ::6")
"""Where the proxy calls its application from, without TPROXY, unlike a workload that calls itself."""
DESTINATION_NAT, MANGLE, FILTER = -100, -150, 0
"""Priorities of the chains, as netfilter's own names have them; as numbers, nft takes them on every hook."""
_LOOPBACK = ("ip daddr 127.0.0.0/8", "ip6 daddr ::1")
_OPENING = "tcp flags & (fin | syn | rst | ack) == syn"
"""The first packet of a connection. Of one that was there before the capture, conntrack takes the next packet
for a first one, whichever side it comes from; to hand it over would break the connection."""
_DNS = "meta l4proto { tcp, udp } th dport 53"


def ruleset(plan: Plan) -> str:
    """Replaces the table of `plan` by its rules, at once: there is no moment without them."""
    chains = _transparent(plan) if plan.transparent else _redirecting(plan)
    body = "\n".join(chains)
    return f"{removal(plan.table)}table inet {plan.table} {{\n{body}}}\n"


def removal(table: str) -> str:
    """Removes the table; it need not be there."""
    return f"add table inet {table}\ndelete table inet {table}\n"


def _redirecting(plan: Plan) -> Iterable[str]:
    to_inbound = f"{_OPENING} redirect to :{plan.inbound_port}"
    outbound = [
        *(f"meta skgid {plan.guard_group} oif lo {source} accept" for source in INBOUND_SOURCES),
        *(f"{own} {to_inbound}" for own in _own_address(plan)),
        f"meta skgid {plan.guard_group} accept",
        *_users(plan),
        f"{_DNS} redirect to :{plan.dns_port}",
        *(f"{loopback} accept" for loopback in _LOOPBACK),
        *_outside(plan),
        f"{_OPENING} redirect to :{plan.outbound_port}",
    ]
    inbound = ["iif lo accept", *_ports(plan.uncaptured_inbound_ports), f"fib daddr type local {to_inbound}"]
    yield _chain("outbound", f"type nat hook output priority {DESTINATION_NAT}", outbound)
    yield _chain("inbound", f"type nat hook prerouting priority {DESTINATION_NAT}", inbound)
    yield from _refusing(plan, ["iif lo accept"])


def _transparent(plan: Plan) -> Iterable[str]:
    """Outbound packets are marked and so routed to `lo` (see routes.py), where they are handed over.

    Packets between the proxy and the application carry the client's address; the mark brings answers back.
    """
    own = f"meta mark != {INBOUND_MARK:#x} meta l4proto tcp meta mark set {OWN_MARK:#x} accept"
    outbound = [
        f"meta mark {INBOUND_MARK:#x} ct mark set {INBOUND_MARK:#x} accept",
        f"ct mark {INBOUND_MARK:#x} meta mark set {INBOUND_MARK:#x} accept",
        "ct direction reply accept",
        f"ct mark {OUTBOUND_MARK:#x} meta mark set {OUTBOUND_MARK:#x} accept",
        *(f"{each} {own}" for each in _own_address(plan)),
        f"meta skgid {plan.guard_group} accept",
        *_users(plan),
        f"{_DNS} accept",
        *(f"{loopback} accept" for loopback in _LOOPBACK),
        *_outside(plan),
        f"{_OPENING} meta mark set {OUTBOUND_MARK:#x} ct mark set {OUTBOUND_MARK:#x}",
    ]
    arriving = [
        *_handed_over(f"iif lo meta mark {OUTBOUND_MARK:#x}", plan.outbound_port, ""),
        *_handed_over(f"iif lo meta mark {OWN_MARK:#x}", plan.inbound_port, _marked()),
        f"iif lo ct mark {INBOUND_MARK:#x} {_marked()}accept",
        "iif lo accept",
        *_ports(plan.uncaptured_inbound_ports),
        # Packets of connections handed over before; not whatever our own wildcard listeners would take.
        f"meta l4proto tcp socket wildcard 0 socket transparent 1 {_marked()}accept",
        *_handed_over("fib daddr type local", plan.inbound_port, _marked()),
    ]
    names = [f"meta skgid {plan.guard_group} accept", *_users(plan), f"{_DNS} redirect to :{plan.dns_port}"]
    yield _chain("outbound", f"type route hook output priority {MANGLE}", outbound)
    yield _chain("arriving", f"type filter hook prerouting priority {MANGLE}", arriving)
    yield _chain("names", f"type nat hook output priority {DESTINATION_NAT}", names)
    yield from _refusing(plan, ["iif lo accept", f"meta mark {INBOUND_MARK:#x} accept"])


def _marked() -> str:
    return f"meta mark set {INBOUND_MARK:#x} "


def _handed_over(condition: str, port: int, then: str) -> Iterable[str]:
    for family, word in (("ipv4", "ip"), ("ipv6", "ip6")):
        yield f"meta nfproto {family} {condition} meta l4proto tcp tproxy {word} to :{port} {then}accept"


def _refusing(plan: Plan, let_in: Sequence[str]) -> Iterable[str]:
    """What reaches the application's ports from outside was not handed over: it came past the proxy."""
    ports = _set(port for port in plan.application_ports if port not in plan.uncaptured_inbound_ports)
    if plan.strict and ports:
        refusals = [f"tcp dport {ports} reject with tcp reset", f"udp dport {ports} drop"]
        yield _chain("refusing", f"type filter hook input priority {FILTER}", [*let_in, *refusals])


def _own_address(plan: Plan) -> Iterable[str]:
    """The proxy's connections to its own workload's address: a service may call itself through the mesh."""
    beside = _set(plan.uncaptured_inbound_ports)
    ports = f" tcp dport != {beside}" if beside else ""
    for loopback in _LOOPBACK:
        elsewhere = loopback.replace("daddr", "daddr !=")
        yield f"meta skuid {plan.proxy_user} oif lo {elsewhere} fib daddr type local{ports}"


def _users(plan: Plan) -> Iterable[str]:
    return [f"meta skuid {users} accept"] if (users := _set(plan.uncaptured_users)) else []


def _outside(plan: Plan) -> Iterable[str]:
    """The workload's own addresses, and what its author excluded."""
    yield "fib daddr type local accept"
    for version, word in ((4, "ip"), (6, "ip6")):
        if found := _ranges(each for each in plan.uncaptured_ranges if each.version == version):
            yield f"{word} daddr {found} accept"
    yield from _ports(plan.uncaptured_outbound_ports)


def _ports(ports: Iterable[int]) -> Iterable[str]:
    return [f"tcp dport {found} accept"] if (found := _set(ports)) else []


def _ranges(found: Iterable[Range]) -> str:
    """Of one IP version; without those inside others, which nft refuses as overlapping."""
    collapsed: Iterable[Range] = collapse_addresses(found)  # type: ignore[type-var]
    texts = ", ".join(str(each) for each in collapsed)
    return f"{{ {texts} }}" if texts else ""


def _set(numbers: Iterable[int]) -> str:
    texts = ", ".join(str(number) for number in sorted(set(numbers)))
    return f"{{ {texts} }}" if texts else ""


def _chain(name: str, hook: str, rules: Iterable[str]) -> str:
    lines = [f"  chain {name} {{", f"    {hook}; policy accept;", *(f"    {rule}" for rule in rules), "  }\n"]
    return "\n".join(lines)
