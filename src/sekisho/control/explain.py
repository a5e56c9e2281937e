"""`sekisho explain`: who decides what about a request, in the order it happens, before it is sent."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import assert_never
from urllib.parse import urlsplit

from sekisho import ir
from sekisho.client.reviews import Explanation, ExplanationSpec, Step
from sekisho.engine import Engine, Read
from sekisho.ir.calls import Answered, Call, Outcome, Refused, Sent, Target, Verdict
from sekisho.ir.simulator import simulate
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

    def endpoints(self, cluster: str) -> ir.Endpoints | None:
        """The ready addresses of a cluster."""
        return ENDPOINTS.build(self._read, (self._gateway, cluster))


def explain(engine: Engine, served: Iterable[tuple[ResourceId, str]], spec: ExplanationSpec) -> Explanation:
    """What would happen to a request. `served` are (gateway, listener name) of all that is served.

    Without a port in the URL every listener of the scheme is a candidate: the request is explained for the
    one that answers it best, which is what the asker has in mind.
    """
    try:
        _ = urlsplit(spec.url).port
    except ValueError as error:
        return Explanation(outcome=f"not a URL: {error}")
    gateways: dict[ResourceId, list[str]] = {}
    for gateway, name in served:
        if spec.gateway in ("", f"{gateway.namespace}/{gateway.name}"):
            gateways.setdefault(gateway, []).append(name)
    verdicts = [
        verdict
        for gateway, names in sorted(gateways.items())
        for verdict in _verdicts(GatewayPlan(engine.read, gateway, names), spec)
    ]
    if not verdicts:
        return Explanation(outcome=_nobody(spec.gateway, served=bool(gateways)))
    verdict = max(verdicts, key=_how_far)
    return Explanation(outcome=_outcome(verdict), steps=tuple(_located(engine.read, verdict)))


def _verdicts(plan: GatewayPlan, spec: ExplanationSpec) -> Iterator[Verdict]:
    url = urlsplit(spec.url if "://" in spec.url else f"http://{spec.url}")
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = tuple((name.lower(), value) for name, value in spec.headers)
    authority = url.netloc.rpartition("@")[2]
    host = next((value for name, value in headers if name == "host"), authority)
    for listener in plan.listeners():
        speaks = {"https" if chain.tls else "http" for chain in listener.chains}
        if url.scheme in speaks and url.port in (None, listener.port):
            yield simulate(
                plan,
                Call(
                    scheme=url.scheme,
                    host=host,
                    port=listener.port,
                    path=path,
                    method=spec.method.upper(),
                    headers=tuple(pair for pair in headers if pair[0] != "host"),
                    server_name=_server_name(url.hostname or ""),
                ),
            )


def _server_name(host: str) -> str:
    """Clients put the URL's host into the TLS handshake, whatever Host header they send; never an address."""
    try:
        ip_address(host)
    except ValueError:
        return host.removesuffix(".")
    return ""


def _how_far(verdict: Verdict) -> int:
    return sum(part is not None for part in (verdict.chain, verdict.host, verdict.route))


def _nobody(gateway: str, *, served: bool) -> str:
    if not served:
        return f"no gateway {gateway} is served" if gateway else "no gateway is served"
    return "connection refused: no listener is served there (see `sekisho status`)"


def _outcome(verdict: Verdict) -> str:
    match verdict.outcome:
        case Refused(why):
            return f"refused: {why}"
        case Answered(status=status, location=location, why=why) if location:
            return f"redirected ({status}) to {location}" + (f": {why}" if why else "")
        case Answered(status=status, why=why):
            return f"answered {status}: {why}"
        case Sent() as sent:
            return _sent(sent)
        case _ as never:
            assert_never(never)


def _sent(sent: Sent) -> str:
    """An error only when every backend gives one."""
    statuses = {target.status for target in sent.targets}
    if len(statuses) == 1 and (status := statuses.pop()):
        names = " or ".join(target.share.cluster or "the backend" for target in sent.targets)
        return f"answered {status}: {names} {_UNAVAILABLE[status]}"
    return f"forwarded to {' or '.join(_named(target) for target in sent.targets)}"


_UNAVAILABLE = {500: "cannot be resolved", 503: "has no ready endpoint"}


def _named(target: Target) -> str:
    """A backend, or what is answered in its place."""
    if target.status is None:
        return str(target.share.cluster)
    what = "an unresolved backend" if target.share.cluster is None else target.share.cluster
    return f"{what} ({target.status})"


def _located(read: Read, verdict: Verdict) -> Iterator[Step]:
    for what, name, origin, detail in _steps(verdict):
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
"""What, name, who decided, detail."""


def _steps(verdict: Verdict) -> Iterator[_Row]:
    """In the order in which a request meets them."""
    if (listener := verdict.listener) is not None:
        yield "listener", listener.name, listener.origin, f"{listener.address} port {listener.port}"
    if (chain := verdict.chain) is not None and chain.tls is not None:
        names = ", ".join(chain.server_names) or "any name"
        yield "tls", ", ".join(chain.tls.certificates), chain.origin, f"ends here, for {names}"
    if (host := verdict.host) is not None:
        detail = f"{_count(len(host.routes), 'route')}, tried in order"
        yield "virtual host", host.hostname, _owner(host, verdict.route), detail
    if (route := verdict.route) is not None:
        yield "route", route.name, route.origin, _match(route.match)
        yield from _filters(route)
        yield from _action(route, verdict.outcome)


def _owner(host: ir.VirtualHost, route: ir.Route | None) -> Origin | None:
    """Whose hostname it is: the route's that was found, else the first that has a part in it."""
    if route is not None and Origin(route.origin.resource) in host.origins:
        return Origin(route.origin.resource, "spec.hostnames")
    return host.origins[0] if host.origins else None


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


_KINDS_OF_PATH = {ir.PathExact: "exactly", ir.PathPrefix: "prefix", ir.PathRegex: "regex"}


def _match(match: ir.RouteMatch) -> str:
    parts = [f"path {_KINDS_OF_PATH[type(match.path)]} {match.path.value}"]
    parts += [f"method {match.method}"] if match.method else []
    for what, values in (("header", match.headers), ("query", match.query)):
        parts += [f"{what} {one.name}{'~' if one.regex else '='}{one.value}" for one in values]
    return ", ".join(parts)


def _filters(route: ir.Route) -> Iterator[_Row]:
    if route.cors is not None:
        origins = ", ".join(origin.value for origin in route.cors.origins)
        yield "filter", "CORS", route.origin, f"origins {origins}"
    yield from _edits(route.request_headers, route.response_headers, route.origin)


def _edits(request: ir.HeaderEdits, response: ir.HeaderEdits, origin: Origin) -> Iterator[_Row]:
    for what, edits in (("request", request), ("response", response)):
        parts = [f"remove {name}" for name in edits.remove]
        parts += [f"set {name}: {value}" for name, value in edits.set]
        parts += [f"add {name}: {value}" for name, value in edits.add]
        if parts:
            yield "filter", f"{what} headers", origin, ", ".join(parts)


def _action(route: ir.Route, outcome: Outcome) -> Iterator[_Row]:
    if isinstance(route.action, ir.Redirect) and isinstance(outcome, Answered) and outcome.location:
        yield "redirect", str(outcome.status), route.origin, f"to {outcome.location}"
    elif isinstance(outcome, Answered):
        yield "answer", str(outcome.status), route.origin, outcome.why
    elif isinstance(route.action, ir.Forward) and isinstance(outcome, Sent):
        yield from _forward(route.origin, route.action, outcome)
        yield from _backends(outcome)


def _forward(origin: Origin, forward: ir.Forward, sent: Sent) -> Iterator[_Row]:
    if forward.path_rewrite is not None:
        yield "filter", "path rewrite", origin, f"to {sent.path}"
    if forward.host_rewrite is not None:
        yield "filter", "host rewrite", origin, f"to {sent.host}"
    for mirror in forward.mirrors:
        part = (
            "all" if mirror.numerator == mirror.denominator else f"{mirror.numerator} of {mirror.denominator}"
        )
        yield "filter", "mirror", origin, f"{part} to {mirror.cluster}, too"
    for name, bound in (
        ("the whole request", forward.request_timeout_ms),
        ("a try", forward.backend_timeout_ms),
    ):
        if bound is not None:
            yield "filter", "timeout", origin, f"{bound} ms for {name}" if bound else f"none for {name}"
    if forward.retry is not None:
        codes = ", ".join(map(str, forward.retry.codes))
        detail = _count(forward.retry.attempts, "more attempt") + " after a failed connection"
        yield "filter", "retry", origin, detail + (f" or status {codes}" if codes else "")


def _backends(sent: Sent) -> Iterator[_Row]:
    """Each with the filters of its own."""
    total = sum(target.share.weight for target in sent.targets)
    for target in sent.targets:
        share = target.share
        weight = f"weight {share.weight} of {total}, " if len(sent.targets) > 1 else ""
        if share.cluster is None:
            yield "backend", "none", share.origin, f"{weight}not resolved: answered 500"
            continue
        ready = f"{_count(target.ready, 'ready endpoint')}"
        missing = ": answered 503" if not target.ready else ""
        yield "backend", share.cluster, share.origin, f"{weight}{ready}{missing}"
        yield from _edits(share.request_headers, share.response_headers, share.origin)
