"""What a proxy would do with a call, worked out from the IR: listener, host, route, and what comes of it.

A model of Envoy as `envoy/` configures it, for `sekisho explain` and for tests; a property test holds it
equal to Envoy (`tests/properties/test_explain.py`), and so does the table in `tests/traffic`.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias, assert_never

from msgspec.structs import replace

from sekisho.ir import cors
from sekisho.ir.admittance import Peer, judge
from sekisho.ir.calls import Answered, Call, Headers, Outcome, Refused, Sent, Target, Verdict
from sekisho.ir.cluster import Endpoints
from sekisho.ir.grpc import as_told
from sekisho.ir.http import Forward, HeaderEdits, Redirect, Respond, Route, Share, VirtualHost, WildcardTable
from sekisho.ir.listener import Chain, Listener
from sekisho.ir.matching import chain_of, matches, most_specific
from sekisho.ir.paths import is_acceptable, normalized_path, rewritten_path
from sekisho.kit.addresses import is_address
from sekisho.kit.hostnames import is_wildcard

FindEndpoints: TypeAlias = Callable[[str], Endpoints | None]
"""Cluster name → its ready addresses; None when there is no such cluster."""


class Plan(Protocol):
    """The IR of one proxy, looked up piece by piece."""

    def listeners(self) -> Iterable[Listener]:
        """All of them."""
        ...

    def virtual_host(self, table: str, hostname: str) -> VirtualHost | None:
        """The virtual host of an exact hostname."""
        ...

    def wildcard_table(self, table: str) -> WildcardTable | None:
        """The wildcard hosts of a table."""
        ...

    def endpoints(self, cluster: str) -> Endpoints | None:
        """The ready addresses of a cluster; None when there is no such cluster."""
        ...


def simulate(plan: Plan, call: Call) -> Verdict:
    """What the proxy of this plan does with this call."""
    met = _met(plan, call)
    return replace(met, outcome=as_told(call, met.outcome))


def _met(plan: Plan, call: Call) -> Verdict:
    listener = next((listener for listener in plan.listeners() if listener.port == call.port), None)
    if listener is None:
        return Verdict(outcome=Refused(f"nothing listens on port {call.port}"))
    chain = chain_of(listener, call)
    if chain is None:
        return Verdict(listener=listener, outcome=Refused(_why_no_chain(listener, call)))
    met = Verdict(listener=listener, chain=chain, outcome=Refused(""))
    if chain.tcp is not None:
        why = f"bytes to port {call.port} are passed on unread, and not routed as requests"
        return replace(met, outcome=Refused(why))
    if why := _malformed(call):
        return replace(met, outcome=Answered(status=400, why=why))
    path, redirected = normalized_path(call.path)
    if redirected:
        why = "a path with an escaped slash is sent back to be written plainly"
        return replace(met, outcome=Answered(status=307, location=path, why=why))
    return _routed(plan, chain, replace(call, path=path), met)


def _why_no_chain(listener: Listener, call: Call) -> str:
    speaks_tls = listener.chains[0].tls is not None
    if speaks_tls != (call.scheme == "https"):
        return f"port {call.port} speaks {'HTTPS' if speaks_tls else 'plain HTTP'}"
    return f"no listener on port {call.port} is for the server name {call.sni}"


def _malformed(call: Call) -> str:
    """Why a proxy does not even look at its routes; empty for a call that is well-formed."""
    if not is_acceptable(call.path):
        return "the path contains a fragment or an escaped NUL"
    if any("_" in name for name, _ in call.headers):
        return "the name of a header contains an underscore"
    return ""


def _routed(plan: Plan, chain: Chain, call: Call, met: Verdict) -> Verdict:
    if "," in call.host:
        return replace(met, outcome=Answered(status=400, why="the host is ambiguous: it contains a comma"))
    host = _host(plan, chain.table, call.hostname)
    came_by = chain.server_name or call.sni.lower()
    if host is not None and host.server_name not in ("", came_by):
        why = "the connection was made for another listener's hostname"
        return replace(met, host=host, outcome=Answered(status=421, why=why))
    if host is None or not host.routes:
        why = f"no route is for the host {call.hostname}"
        return replace(met, host=host, outcome=Answered(status=404, why=why))
    route = next((route for route in host.routes if matches(route.match, call, call.path)), None)
    if (denial := _denial(host, route, call)) is not None:
        return replace(met, host=host, route=route, outcome=denial)
    if route is None:
        why = f"no route of {host.hostname} matches"
        return replace(met, host=host, outcome=Answered(status=404, why=why))
    scheme = "https" if chain.tls else "http"
    return replace(met, host=host, route=route, outcome=outcome_at(plan.endpoints, scheme, host, route, call))


def _denial(host: VirtualHost, route: Route | None, call: Call) -> Answered | None:
    """Who may not call gets 403; a preflight says nothing of who will call. What no route of a wildcard host
    takes is nobody's, and answered 404 to everybody."""
    if route is None and is_wildcard(host.hostname):
        return None
    if route is not None and route.cors is not None and cors.is_preflight(call):
        return None
    treatment = host.treatment if route is None or route.treatment is None else route.treatment
    if treatment.permissions is None:
        return None
    peer = Peer(
        address=call.source,
        server_name=call.sni if call.scheme == "https" else "",
        claims=call.claims if host.filters.tokens else (),
    )
    found = judge(treatment.permissions, peer, call)
    if found.allowed:
        return None
    by = f"denied by {found.rule.origin}" if found.rule is not None else "no permission lets it in"
    return Answered(status=403, why=by)


def _host(plan: Plan, table: str, hostname: str) -> VirtualHost | None:
    """A wildcard is looked at only when no exact host is there."""
    exact = None if is_wildcard(hostname) else plan.virtual_host(table, hostname)
    if exact is not None:
        return exact
    wildcards = plan.wildcard_table(table)
    return most_specific(wildcards.hosts, hostname) if wildcards else None


def outcome_at(endpoints: FindEndpoints, scheme: str, host: VirtualHost, route: Route, call: Call) -> Outcome:
    """What comes of a request, its path normalised, that a route was found for. `scheme`: it came by this."""
    if route.cors is not None and cors.is_preflight(call) and not cors.allows_origin(route.cors, call):
        return Answered(status=403, why="CORS allows nothing to this origin")
    match route.action:
        case Respond(status=status):
            return Answered(status=status, headers=edited((), route.response_headers), why=_why(status))
        case Redirect() as redirect:
            location = _location(redirect, route, call, scheme, host)
            headers = edited((), route.response_headers)
            return Answered(status=redirect.status, location=location, headers=headers)
        case Forward() if route.cors is not None and cors.is_preflight(call):
            headers = cors.preflight_headers(route.cors, call)
            return Answered(status=200, headers=headers, why="a CORS preflight ends at the gateway")
        case Forward() as forward:
            return Sent(
                targets=tuple(_target(endpoints, route, share, call, forward) for share in forward.shares),
                path=rewritten_path(forward.path_rewrite, route.match.path, call.path),
                host=_host_seen(endpoints, forward) or call.authority,
                mirrors=forward.mirrors,
                headers=cors.response_headers(route.cors, call) if route.cors is not None else (),
            )
        case _ as never:
            assert_never(never)


def _host_seen(endpoints: FindEndpoints, forward: Forward) -> str:
    """The host a request is sent with, where it is not its own; of several backends the first one's."""
    if forward.host_rewrite:
        return forward.host_rewrite.value
    first = forward.shares[0].cluster
    found = endpoints(first) if forward.host_of_server and first is not None else None
    names = [one.address for one in found.endpoints if not is_address(one.address)] if found else []
    return names[0] if names else ""


def _why(status: int) -> str:
    """What translation means by an answer of its own."""
    return {500: "the rule has no backend that can be used"}.get(status, "answered by the route")


def _target(endpoints: FindEndpoints, route: Route, share: Share, call: Call, forward: Forward) -> Target:
    found = endpoints(share.cluster) if share.cluster is not None else None
    ready = len(found.endpoints) if found else 0
    unavailable = forward.unresolved_status if share.cluster is None else 503
    return Target(
        share=share,
        status=None if ready else unavailable,
        ready=ready,
        headers=edited(edited(call.headers, route.request_headers), share.request_headers),
        response_edits=(route.response_headers, share.response_headers),
    )


def _location(redirect: Redirect, route: Route, call: Call, came_by: str, host: VirtualHost) -> str:
    scheme = redirect.scheme or came_by
    # An exact hostname is written as configured; of a wildcard, the request knows which one it is.
    kept = call.bare_host if is_wildcard(host.hostname) else host.hostname
    port = f":{redirect.port}" if redirect.port else ""
    path = rewritten_path(redirect.path, route.match.path, call.path)
    return f"{scheme}://{redirect.host or kept}{port}{path}"


def edited(headers: Headers, edits: HeaderEdits) -> Headers:
    """Headers after edits: removed, then set, then added."""
    fixed = {*edits.remove, *(name for name, _ in edits.set)}
    return (*(pair for pair in headers if pair[0] not in fixed), *edits.set, *edits.add)
