"""Steps of a request at a route: what it matched, what its filters do, where it goes."""

from collections.abc import Iterator

from sekisho import ir
from sekisho.control.rows import Row, counted
from sekisho.ir.calls import Answered, Outcome, Sent, Target
from sekisho.model.names import Origin

_KINDS_OF_PATH = {ir.PathExact: "exactly", ir.PathPrefix: "prefix", ir.PathRegex: "regex"}


def route_rows(route: ir.Route, outcome: Outcome, policed: frozenset[str] = frozenset()) -> Iterator[Row]:
    """In the order in which a request meets them; the backends come after.

    `policed`: `timeout` and `retry` where policies say them, who have steps of their own.
    """
    yield Row("route", route.name, route.origin, _match(route.match))
    if route.cors is not None:
        origins = ", ".join(origin.value for origin in route.cors.origins)
        yield Row("filter", "CORS", route.origin, f"origins {origins}")
    if route.authorizer is not None:
        asked = f"{route.authorizer.cluster} by {route.authorizer.protocol}, which must let it pass"
        yield Row("filter", "authorizer", route.origin, asked)
    yield from _edits(route.request_headers, route.response_headers, route.origin)
    if isinstance(outcome, Answered):
        yield _answer(route, outcome)
    elif isinstance(route.action, ir.Forward) and isinstance(outcome, Sent):
        yield from _forward(route.origin, route.action, outcome, policed)


def backend_rows(sent: Sent, target: Target) -> Iterator[Row]:
    """One backend, with the filters of its own."""
    total = sum(one.share.weight for one in sent.targets)
    share = target.share
    weight = f"weight {share.weight} of {total}, " if len(sent.targets) > 1 else ""
    if share.cluster is None:
        yield Row("backend", "none", share.origin, f"{weight}not resolved: answered 500")
        return
    missing = ": answered 503" if target.status == _UNAVAILABLE else ""
    ready = f"{counted(target.ready, 'ready endpoint')}{missing}"
    yield Row("backend", share.cluster, share.origin, f"{weight}{ready}")
    yield from _edits(share.request_headers, share.response_headers, share.origin)


_UNAVAILABLE = 503


def _match(match: ir.RouteMatch) -> str:
    parts = [f"path {_KINDS_OF_PATH[type(match.path)]} {match.path.value}"]
    parts += [f"method {match.method}"] if match.method else []
    for what, values in (("header", match.headers), ("query", match.query)):
        parts += [f"{what} {one.name}{'~' if one.regex else '='}{one.value}" for one in values]
    return ", ".join(parts)


def _edits(request: ir.HeaderEdits, response: ir.HeaderEdits, origin: Origin) -> Iterator[Row]:
    for what, edits in (("request", request), ("response", response)):
        parts = [f"remove {name}" for name in edits.remove]
        parts += [f"set {name}: {value}" for name, value in edits.set]
        parts += [f"add {name}: {value}" for name, value in edits.add]
        if parts:
            yield Row("filter", f"{what} headers", origin, ", ".join(parts))


def _answer(route: ir.Route, outcome: Answered) -> Row:
    if isinstance(route.action, ir.Redirect) and outcome.location:
        return Row("redirect", str(outcome.status), route.origin, f"to {outcome.location}")
    return Row("answer", str(outcome.status), route.origin, outcome.why)


def _forward(origin: Origin, forward: ir.Forward, sent: Sent, policed: frozenset[str]) -> Iterator[Row]:
    if forward.path_rewrite is not None:
        yield Row("filter", "path rewrite", origin, f"to {sent.path}")
    if forward.host_rewrite is not None:
        yield Row("filter", "host rewrite", origin, f"to {sent.host}")
    for mirror in forward.mirrors:
        part = (
            "all" if mirror.numerator == mirror.denominator else f"{mirror.numerator} of {mirror.denominator}"
        )
        yield Row("filter", "mirror", origin, f"{part} to {mirror.cluster}, too")
    if forward.session is not None:
        told = f"whoever shows the {forward.session.by} {forward.session.name} stays with its instance"
        yield Row("filter", "session", origin, told)
    for name, bound in (
        ("the whole request", forward.request_timeout_ms),
        ("a try", forward.backend_timeout_ms),
    ):
        if bound is not None and "timeout" not in policed:
            yield Row("filter", "timeout", origin, f"{bound} ms for {name}" if bound else f"none for {name}")
    if forward.retry is not None and "retry" not in policed:
        codes = ", ".join(map(str, forward.retry.codes))
        detail = counted(forward.retry.attempts, "more attempt") + " after a failed connection"
        yield Row("filter", "retry", origin, detail + (f" or status {codes}" if codes else ""))
