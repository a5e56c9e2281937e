"""`sekisho permissions`: may one call another, for which requests, and because of which rule."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from sekisho import ir
from sekisho.client.reviews import Permission, PermissionSpec, PortVerdict, RuleState
from sekisho.control.caller_text import peer_text, request_text
from sekisho.control.clients import Client, find_client
from sekisho.control.onward import Instance, port_instances
from sekisho.control.reception import arrival, failure_of
from sekisho.control.rows import source_of
from sekisho.engine import Read
from sekisho.ir.admittance import (
    Peer,
    Prospect,
    fits_peer,
    prospect,
    with_shadows,
    without_requests,
)
from sekisho.ir.calls import Call
from sekisho.ir.incoming import Arrival, reads_requests, receive, why_shut
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP
from sekisho.model.names import ResourceId
from sekisho.translate.mesh.destinations import destinations
from sekisho.translate.mesh.identities import identity
from sekisho.translate.mesh.inbounds import inbound, inbound_ports
from sekisho.translate.mesh.instances import is_meshed
from sekisho.translate.mesh.meshes import mesh_of, mesh_of_called, zone
from sekisho.translate.mesh.names import Destination, server_name
from sekisho.translate.zone.egress import egress_identities, is_through_egress
from sekisho.translate.zone.outlets import outlet, way_out_name

_INCOMPLETE = (
    "denials by path cannot be complete: /ADMIN, /%252e%252e/admin or /;/admin are other paths to the proxy "
    "and perhaps not to the application; allow the paths that are meant instead"
)
_UNVERIFIED = (
    "conditions on claims hold for nobody: the Mesh has no jwtProviders whose tokens could be verified"
)
_SERVERS = ("Service", "Workload", "ExternalService", "ZoneService")
"""Kinds of what can be asked about, in the order in which a name is looked for."""
_PROSPECTS = {Prospect.ALWAYS: "allowed", Prospect.NEVER: "denied", Prospect.DEPENDS: "conditional"}


class _Port(NamedTuple):
    """One port as it is called, and where that leads."""

    number: int
    server_name: str
    instances: tuple[Instance, ...]
    outside: Destination | None = None
    """What a zone egress stands before, in the place of instances."""


def permissions(read: Read, spec: PermissionSpec) -> Permission:
    """What the sidecars of the server would say to the client."""
    client = find_client(read, spec.client)
    if client is None:
        return Permission(outcome=f"there is no Workload, Gateway or Service {spec.client}")
    client = client._replace(claims=spec.claims)
    ports = [one for one in _ports(read, spec.server) if spec.port in (0, one.number)]
    if not ports:
        return Permission(outcome=_no_port(read, spec))
    verdicts = tuple(verdict for port in ports for verdict in _verdicts(read, client, port, spec))
    if not verdicts:
        return Permission(outcome=f"{spec.server}: {_nobody(ports)}")
    found = Permission(
        outcome="",
        allowed=any(one.verdict != "denied" for one in verdicts),
        client=str(client.resource),
        identity=client.identity if client.is_member else "",
        address=client.address,
        ports=verdicts,
    )
    return replace(found, outcome=_outcome(spec, verdicts))


def _outcome(spec: PermissionSpec, verdicts: Iterable[PortVerdict]) -> str:
    said = {one.verdict for one in verdicts}
    asked = f" {spec.method} {spec.path}" if spec.path else ""
    words = {
        frozenset({"allowed"}): "may call",
        frozenset({"denied"}): "may not call",
        frozenset({"conditional"}): "may make some requests to",
    }
    verb = words.get(frozenset(said), "may call some ports or instances of")
    return f"{spec.client} {verb} {spec.server}{asked}"


def _no_port(read: Read, spec: PermissionSpec) -> str:
    exists = any(read.leaf(one) is not None for one in _servers(spec.server))
    return f"{spec.server} has no such port" if exists else f"there is no Service or Workload {spec.server}"


def _servers(named: str) -> list[ResourceId]:
    namespace, _, name = named.partition("/")
    return [ResourceId(kind, namespace, name) for kind in _SERVERS]


def _nobody(ports: Iterable[_Port]) -> str:
    if any(port.outside is not None for port in ports):
        return "nobody asks for permission on the way out: the Mesh requires no egress for it"
    return "no instances, so nobody is there to let anybody in"


def _ports(read: Read, named: str) -> Iterator[_Port]:
    service, workload, *outside = _servers(named)
    if read.leaf(service) is not None:
        for destination in destinations(read, service):
            yield _Port(destination.port, _name(read, destination), tuple(port_instances(read, destination)))
    elif read.leaf(workload) is not None:
        own = [port.port for port in read.leaf(workload).spec.ports if port.protocol == "TCP"]
        for number in inbound_ports(read, workload) or own:
            yield _Port(number, "", (Instance(workload, number),))
    else:
        for destination in (port for one in outside for port in destinations(read, one)):
            yield _Port(destination.port, way_out_name(read, destination), (), destination)


def _name(read: Read, destination: Destination) -> str:
    return server_name(destination, zone(read), mesh_of(read, destination.namespace))


def _verdicts(read: Read, client: Client, port: _Port, spec: PermissionSpec) -> Iterator[PortVerdict]:
    """One for all instances that decide alike; what an egress decides where something outside is called."""
    if port.outside is not None and is_through_egress(read, port.outside.resource):
        known = egress_identities(read, mesh_of_called(read, port.outside.resource))
        server = known[0] if known else ""
        yield _verdict_of(read, client, port, outlet(read, port.outside), server, spec)
        return
    alike: dict[PortVerdict, list[str]] = {}
    for instance in port.instances:
        found = _verdict(read, client, port, instance, spec)
        names = alike.setdefault(found, [])
        names.append(f"{instance.workload.namespace}/{instance.workload.name}")
    for found, names in alike.items():
        yield replace(found, workloads=tuple(names))


def _verdict(
    read: Read, client: Client, port: _Port, instance: Instance, spec: PermissionSpec
) -> PortVerdict:
    if not is_meshed(read, instance.workload):
        return PortVerdict(
            port=port.number,
            workloads=(),
            identity="",
            speaks="",
            mode="",
            verdict="allowed",
            why="there is no sidecar: whoever reaches the address is let in",
        )
    server = identity(read, instance.workload)
    wanted = inbound(read, instance.workload, instance.port)
    return _verdict_of(read, client, port, wanted, server.spiffe_id if server else "", spec)


def _verdict_of(
    read: Read, client: Client, port: _Port, wanted: ir.Inbound, server: str, spec: PermissionSpec
) -> PortVerdict:
    """`server`: the SPIFFE ID of who decides; empty for none."""
    if spec.shadow:
        wanted = replace(wanted, permissions=with_shadows(wanted.permissions))
    call = _call(port, spec) if spec.path and wanted.protocol is not ir.Protocol.TCP else None
    alpn = ALPN_HTTP2 if wanted.inspected else ALPN_TCP
    arriving = arrival(client, alpn, port.server_name, call)
    plain = PortVerdict(
        port=port.number,
        workloads=(),
        identity=server,
        speaks="TCP" if wanted.protocol is ir.Protocol.TCP else "HTTP",
        mode=wanted.tls.mode.value if wanted.tls is not None else "",
        verdict="denied",
    )
    if why := _shut(client, plain.identity, wanted, arriving):
        return replace(plain, why=why)
    return _judged(read, plain, wanted, arriving, spec)


def _shut(client: Client, server: str, wanted: ir.Inbound, arriving: Arrival) -> str:
    if client.policies is not None and not client.identity:
        return f"{client.resource} has no identity"
    if wanted.tls is not None and not server:
        return "the server has no identity: no member of the mesh believes it"
    return why_shut(wanted, arriving)


def _judged(
    read: Read, plain: PortVerdict, wanted: ir.Inbound, arriving: Arrival, spec: PermissionSpec
) -> PortVerdict:
    reads = reads_requests(wanted, arriving)
    rules = wanted.permissions if reads else without_requests(wanted.permissions)
    concerned = [rule for rule in rules.rules if fits_peer(rule.caller, arriving.peer)]
    warnings = tuple(_warnings(wanted, rules, spec, reads=plain.speaks == "HTTP"))
    shown = replace(
        plain,
        rules=tuple(_rule(read, rule) for rule in concerned),
        others=len(wanted.permissions.rules) - len(concerned),
        warnings=warnings,
    )
    if arriving.call is None and reads:
        return replace(shown, **_expected(rules, arriving.peer))
    found = receive(wanted, arriving)
    judged, failure = found.judgement, failure_of(found)
    decided = judged.rule if judged is not None else None
    file, line = source_of(read, decided.origin.resource) if decided is not None else ("", 0)
    return replace(
        shown,
        verdict="denied" if failure else "allowed",
        why=failure,
        origin=decided.origin.shown if decided is not None else "",
        file=file,
        line=line,
        shadow=str(judged.shadow.origin) if judged is not None and judged.shadow is not None else "",
    )


def _expected(rules: ir.Permissions, peer: Peer) -> dict[str, str]:
    """Without a request to judge."""
    found = prospect(rules, peer)
    return {"verdict": _PROSPECTS[found], "why": "" if found is Prospect.DEPENDS else "for every request"}


def _rule(read: Read, rule: ir.PermissionRule) -> RuleState:
    file, line = source_of(read, rule.origin.resource)
    return RuleState(
        effect=rule.effect.value,
        who=peer_text(rule.caller),
        requests=request_text(rule.caller),
        origin=rule.origin.shown,
        file=file,
        line=line,
    )


def _warnings(
    wanted: ir.Inbound, rules: ir.Permissions, spec: PermissionSpec, *, reads: bool
) -> Iterator[str]:
    if any(rule.caller.claims for rule in rules.rules) and not wanted.token_issuers:
        yield _UNVERIFIED
    if any(rule.effect is not ir.Effect.ALLOW and rule.caller.paths for rule in rules.rules):
        yield _INCOMPLETE
    if spec.path and not reads:
        yield "nobody reads HTTP here: the path, method and headers play no part"


def _call(port: _Port, spec: PermissionSpec) -> Call:
    headers = tuple((name.lower(), value) for name, value in spec.headers)
    return Call(
        host=next((value for name, value in headers if name == "host"), spec.server.partition("/")[2]),
        port=port.number,
        path=spec.path,
        method=spec.method.upper(),
        headers=tuple(pair for pair in headers if pair[0] != "host"),
    )
