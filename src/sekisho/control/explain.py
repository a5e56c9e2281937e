"""`sekisho explain`: who decides what about a request, in the order it happens, before it is sent."""

from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

from msgspec.structs import replace

from sekisho import ir
from sekisho.client.reviews import Explanation, ExplanationSpec
from sekisho.control.asked import call_of
from sekisho.control.backends import beyond
from sekisho.control.clients import client_of
from sekisho.control.closed import closed_listeners
from sekisho.control.explain_from import explain_from
from sekisho.control.outcomes import outcome_text, with_failures
from sekisho.control.policy_rows import policed, request_rows, unrepeated
from sekisho.control.route_rows import route_rows
from sekisho.control.rows import Row, counted, located
from sekisho.engine import Engine, Read
from sekisho.ir.calls import Call, Outcome, Sent, Verdict
from sekisho.ir.simulator import simulate
from sekisho.kit.addresses import is_address
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.virtual_hosts import HOSTS, HostKey
from sekisho.translate.mesh.names import destination_of
from sekisho.translate.outputs import CLUSTERS, ENDPOINTS, LISTENERS, VIRTUAL_HOSTS, WILDCARD_TABLES


class GatewayPlan:
    """The IR of one gateway, read from the engine piece by piece."""

    def __init__(self, read: Read, gateway: ResourceId, listeners: Iterable[str]) -> None:
        self._read = read
        self.gateway = gateway
        self._names = listeners

    def listeners(self) -> Iterable[ir.Listener]:
        """All listeners that are served."""
        built = (LISTENERS.build(self._read, (self.gateway, name)) for name in self._names)
        return [listener for listener in built if listener is not None]

    def virtual_host(self, table: str, hostname: str) -> ir.VirtualHost | None:
        """The virtual host of an exact hostname, when some resource names it."""
        key = HostKey(self.gateway, table, hostname)
        if not self._read.count(HOSTS, key):
            return None
        return VIRTUAL_HOSTS.build(self._read, key)

    def wildcard_table(self, table: str) -> ir.WildcardTable | None:
        """The wildcard hosts of a table."""
        return WILDCARD_TABLES.build(self._read, (self.gateway, table))

    def endpoints(self, cluster: str) -> ir.Endpoints | None:
        """The ready addresses of a cluster; of one outside its host names, which nobody looks up here."""
        found = CLUSTERS.build(self._read, (self.gateway, cluster))
        if found is None or found.hosts is None:
            return ENDPOINTS.build(self._read, (self.gateway, cluster))
        hosts = tuple(ir.Endpoint(host.address, host.port) for host in found.hosts)
        return ir.Endpoints(cluster=cluster, endpoints=hosts, origin=found.origin)


def explain(engine: Engine, served: Iterable[tuple[ResourceId, str]], spec: ExplanationSpec) -> Explanation:
    """What would happen to a request. `served` are (gateway, listener name) of all that is served.

    Without a port in the URL every listener of the scheme is a candidate: the request is explained for the
    one that answers it best, which is what the asker has in mind.
    """
    url = urlsplit(spec.url if "://" in spec.url else f"http://{spec.url}")
    try:
        _ = url.port
    except ValueError as error:
        return Explanation(outcome=f"not a URL: {error}")
    if spec.client:
        return explain_from(engine.read, url, spec)
    gateways: dict[ResourceId, list[str]] = {}
    for gateway, name in served:
        if spec.gateway in ("", f"{gateway.namespace}/{gateway.name}"):
            gateways.setdefault(gateway, []).append(name)
    verdicts = [
        (verdict, gateway, call)
        for gateway, names in sorted(gateways.items())
        for verdict, call in _verdicts(GatewayPlan(engine.read, gateway, names), url, spec)
    ]
    if not verdicts:
        closed = tuple(located(engine.read, closed_listeners(engine, url, spec.gateway)))
        return Explanation(outcome=_nobody(spec.gateway, served=bool(gateways)), steps=closed)
    verdict, gateway, call = max(verdicts, key=lambda found: _how_far(found[0]))
    return _explained(engine.read, gateway, call, verdict, shadow=spec.shadow)


def _explained(read: Read, gateway: ResourceId, call: Call, verdict: Verdict, *, shadow: bool) -> Explanation:
    rows, told = list(_steps(verdict)), outcome_text(verdict.outcome)
    if verdict.route is not None:
        rows += _at_route(read, gateway, verdict.route, verdict.outcome)
    if isinstance(verdict.outcome, Sent):
        client = client_of(read, gateway)

        def find(name: str) -> ir.Cluster | None:
            return CLUSTERS.build(read, (gateway, name))

        way = beyond(read, client, verdict.outcome, call, find, shadow=shadow)
        rows += way.rows
        told = with_failures(told, way.failures)
    return Explanation(outcome=told, steps=tuple(located(read, unrepeated(rows))))


def _at_route(read: Read, gateway: ResourceId, route: ir.Route, outcome: Outcome) -> Iterator[Row]:
    """Policies speak of the first backend: a rule has one timeout, one retry."""
    clusters = [share.cluster for share in _shares(route) if share.cluster is not None]
    if not clusters or not isinstance(route.action, ir.Forward):
        yield from route_rows(route, outcome)
        return
    by, destination = route.origin.resource, destination_of(clusters[0])
    yield from route_rows(route, outcome, policed(read, gateway, destination, by, route.action))
    yield from request_rows(read, gateway, destination, by)


def _shares(route: ir.Route) -> tuple[ir.Share, ...]:
    return route.action.shares if isinstance(route.action, ir.Forward) else ()


def _verdicts(plan: GatewayPlan, url: SplitResult, spec: ExplanationSpec) -> Iterator[tuple[Verdict, Call]]:
    for listener in plan.listeners():
        speaks = {"https" if chain.tls else "http" for chain in listener.chains}
        if url.scheme in speaks and url.port in (None, listener.port):
            name = _server_name(url.hostname or "")
            call = replace(call_of(url, spec, listener.port), server_name=name)
            yield simulate(plan, call), call


def _server_name(host: str) -> str:
    """Clients put the URL's host into the TLS handshake, whatever Host header they send; never an address."""
    return "" if is_address(host) else host.removesuffix(".")


def _how_far(verdict: Verdict) -> int:
    return sum(part is not None for part in (verdict.chain, verdict.host, verdict.route))


def _nobody(gateway: str, *, served: bool) -> str:
    if not served:
        return f"no gateway {gateway} is served" if gateway else "no gateway is served"
    return "connection refused: no listener is served there (see `sekisho status`)"


def _steps(verdict: Verdict) -> Iterator[Row]:
    """In the order in which a request meets them, up to the route."""
    if (listener := verdict.listener) is not None:
        yield Row("listener", listener.name, listener.origin, f"{listener.address} port {listener.port}")
    if (chain := verdict.chain) is not None and chain.tls is not None:
        names = ", ".join(chain.server_names) or "any name"
        yield Row("tls", ", ".join(chain.tls.certificates), chain.origin, f"ends here, for {names}")
    if (host := verdict.host) is not None:
        detail = f"{counted(len(host.routes), 'route')}, tried in order"
        yield Row("virtual host", host.hostname, _owner(host, verdict.route), detail)


def _owner(host: ir.VirtualHost, route: ir.Route | None) -> Origin | None:
    """Whose hostname it is: the route's that was found, else the first that has a part in it."""
    if route is not None and Origin(route.origin.resource) in host.origins:
        return Origin(route.origin.resource, "spec.hostnames")
    return host.origins[0] if host.origins else None
