"""`sekisho explain`: who decides what about a request, in the order it happens, before it is sent."""

from collections.abc import Iterable, Iterator
from typing import assert_never
from urllib.parse import urlsplit

from sekisho import ir
from sekisho.client.reviews import Explanation, ExplanationSpec, Step
from sekisho.engine import Engine, Read
from sekisho.ir.simulator import Answered, Call, Refused, Sent, Verdict, simulate
from sekisho.model.names import Origin, ResourceId
from sekisho.translate.gateway.virtual_hosts import HOSTS, HostKey
from sekisho.translate.outputs import ENDPOINTS, LISTENERS, VIRTUAL_HOSTS, WILDCARD_TABLES

SOURCE_ANNOTATION = "sekisho.dev/source"
"""`file:line` of where a resource was written; set by `sekisho apply` and `sekisho up`."""


class GatewayPlan:
    """The IR of one gateway, read from the engine piece by piece."""

    def __init__(self, read: Read, gateway: ResourceId, listeners: Iterable[str]) -> None:
        self._read = read
        self._gateway = gateway
        self._names = listeners

    def listeners(self) -> Iterable[ir.Listener]:
        """All listeners that are served."""
        built = (LISTENERS.build(self._read, (self._gateway, name)) for name in self._names)
        return [listener for listener in built if listener is not None]

    def virtual_host(self, table: str, hostname: str) -> ir.VirtualHost | None:
        """The virtual host of an exact hostname, when some resource names it."""
        key = HostKey(self._gateway, table, hostname)
        if not self._read.count(HOSTS, key):
            return None
        return VIRTUAL_HOSTS.build(self._read, key)

    def wildcard_table(self, table: str) -> ir.WildcardTable | None:
        """The wildcard hosts of a table."""
        return WILDCARD_TABLES.build(self._read, (self._gateway, table))


def explain(engine: Engine, served: Iterable[tuple[ResourceId, str]], spec: ExplanationSpec) -> Explanation:
    """What would happen to a request. `served` are (gateway, listener name) of all that is served.

    Without a port in the URL every listener of the scheme is a candidate: the request is explained for the
    one that answers it best, which is what the asker has in mind.
    """
    gateways: dict[ResourceId, list[str]] = {}
    for gateway, name in served:
        if spec.gateway in ("", f"{gateway.namespace}/{gateway.name}"):
            gateways.setdefault(gateway, []).append(name)
    verdicts = [
        (gateway, verdict)
        for gateway, names in sorted(gateways.items())
        for verdict in _verdicts(GatewayPlan(engine.read, gateway, names), spec)
    ]
    if not verdicts:
        return Explanation(outcome=_nobody(spec.gateway, served=bool(gateways)))
    gateway, verdict = max(verdicts, key=lambda pair: _how_far(pair[1]))
    return Explanation(outcome=_outcome(verdict), steps=tuple(_located(engine.read, gateway, verdict)))


def _verdicts(plan: GatewayPlan, spec: ExplanationSpec) -> Iterator[Verdict]:
    url = urlsplit(spec.url if "://" in spec.url else f"http://{spec.url}")
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = tuple((name.lower(), value) for name, value in spec.headers)
    host = next((value for name, value in headers if name == "host"), url.hostname or "")
    for listener in plan.listeners():
        speaks = {"https" if chain.tls else "http" for chain in listener.chains}
        if url.scheme in speaks and url.port in (None, listener.port):
            call = Call(
                scheme=url.scheme, host=host.partition(":")[0], port=listener.port, path=path,
                method=spec.method.upper(), headers=tuple(pair for pair in headers if pair[0] != "host"),
            )  # fmt: skip
            yield simulate(plan, call)


def _how_far(verdict: Verdict) -> int:
    return sum(part is not None for part in (verdict.chain, verdict.host, verdict.route))


def _nobody(gateway: str, *, served: bool) -> str:
    if not served:
        return f"no gateway {gateway} is served" if gateway else "no gateway is served"
    return "connection refused: no gateway listens for this scheme and port"


def _outcome(verdict: Verdict) -> str:
    match verdict.outcome:
        case Refused(why):
            return f"refused: {why}"
        case Answered(status=status, location=location) if location:
            return f"redirected ({status}) to {location}"
        case Answered(status=status, why=why):
            return f"answered {status}: {why}"
        case Sent(shares=shares):
            targets = [share.cluster or "nowhere (500)" for share in shares]
            return f"forwarded to {' or '.join(targets)}"
        case _ as never:
            assert_never(never)


def _located(read: Read, gateway: ResourceId, verdict: Verdict) -> Iterator[Step]:
    for what, name, origin, detail in _steps(read, gateway, verdict):
        file, line = source_of(read, origin.resource) if origin else ("", 0)
        yield Step(
            what=what, name=name, origin=str(origin) if origin else "", file=file, line=line, detail=detail
        )


def source_of(read: Read, resource: ResourceId) -> tuple[str, int]:
    """File and line where a resource was written; an empty name and 0 when nobody noted it."""
    metadata = getattr(read.leaf(resource), "metadata", None)
    annotations = getattr(metadata, "annotations", None) or {}
    file, _, line = annotations.get(SOURCE_ANNOTATION, "").rpartition(":")
    return (file, int(line)) if line.isdigit() else ("", 0)


_Row = tuple[str, str, Origin | None, str]


def _steps(read: Read, gateway: ResourceId, verdict: Verdict) -> Iterator[_Row]:
    if verdict.listener is not None:
        listener = verdict.listener
        yield "listener", listener.name, listener.origin, f"{listener.address} port {listener.port}"
    if verdict.chain is not None and verdict.chain.tls is not None:
        names = ", ".join(verdict.chain.server_names) or "any name"
        yield (
            "tls",
            ", ".join(verdict.chain.tls.certificates),
            verdict.chain.origin,
            f"ends here, for {names}",
        )
    if verdict.host is not None:
        host = verdict.host
        yield "virtual host", host.hostname, None, f"{len(host.routes)} routes, tried in order"
    if verdict.route is not None:
        yield "route", verdict.route.name, verdict.route.origin, _match(verdict.route.match)
        yield from _filters(verdict.route)
        yield from _action(read, gateway, verdict.route)


def _match(match: ir.RouteMatch) -> str:
    kinds = {ir.PathExact: "exactly", ir.PathPrefix: "prefix", ir.PathRegex: "regex"}
    parts = [f"path {kinds[type(match.path)]} {match.path.value}"]
    parts += [f"method {match.method}"] if match.method else []
    for what, values in (("header", match.headers), ("query", match.query)):
        parts += [f"{what} {one.name}{'~' if one.regex else '='}{one.value}" for one in values]
    return ", ".join(parts)


def _filters(route: ir.Route) -> Iterator[_Row]:
    if route.cors is not None:
        origins = ", ".join(origin.value for origin in route.cors.origins)
        yield "filter", "CORS", route.origin, f"origins {origins}"
    for what, edits in (("request", route.request_headers), ("response", route.response_headers)):
        if edits != ir.HeaderEdits():
            yield "filter", f"{what} headers", route.origin, _edits(edits)


def _edits(edits: ir.HeaderEdits) -> str:
    parts = [f"remove {name}" for name in edits.remove]
    parts += [f"set {name}: {value}" for name, value in edits.set]
    parts += [f"add {name}: {value}" for name, value in edits.add]
    return ", ".join(parts)


def _action(read: Read, gateway: ResourceId, route: ir.Route) -> Iterator[_Row]:
    match route.action:
        case ir.Respond(status=status):
            yield "answer", str(status), route.origin, "by the proxy itself"
        case ir.Redirect(status=status):
            yield "redirect", str(status), route.origin, ""
        case ir.Forward() as forward:
            yield from _forward(read, gateway, route, forward)
        case _ as never:
            assert_never(never)


def _forward(read: Read, gateway: ResourceId, route: ir.Route, forward: ir.Forward) -> Iterator[_Row]:
    for name, rewrite in (("path rewrite", forward.path_rewrite), ("host rewrite", forward.host_rewrite)):
        if rewrite is not None:
            yield "filter", name, route.origin, rewrite.value
    for mirror in forward.mirrors:
        yield (
            "filter",
            "mirror",
            route.origin,
            f"{mirror.numerator} of {mirror.denominator} to {mirror.cluster}",
        )
    if forward.request_timeout_ms is not None:
        yield "filter", "timeout", route.origin, f"{forward.request_timeout_ms} ms for the whole request"
    if forward.retry is not None:
        yield "filter", "retry", route.origin, f"{forward.retry.attempts} more tries"
    total = sum(share.weight for share in forward.shares)
    for share in forward.shares:
        weight = f"weight {share.weight} of {total}"
        if share.cluster is None:
            yield "backend", "none", share.origin, f"{weight}; not resolved, answered 500"
            continue
        planned = ENDPOINTS.build(read, (gateway, share.cluster))
        ready = len(planned.endpoints) if planned else 0
        missing = "; none ready, answered 503" if not ready else ""
        yield "backend", share.cluster, share.origin, f"{weight}; {ready} endpoints{missing}"
