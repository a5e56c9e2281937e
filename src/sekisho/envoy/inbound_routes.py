"""RouteConfiguration: of an inbound, which has one place to send to, and times that may differ by caller."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import OFF, extension, milliseconds
from sekisho.envoy.choices import Choice, depends

_CHOICE = Choice("times", over_http=True)


def inbound_routing(wanted: ir.Inbound) -> dict[str, Any]:
    """Fields of HttpConnectionManager. The cluster is sent apart and may come later."""
    conditions = [each for each in enumerate(wanted.times) if each[1].caller is not None]
    routes = [
        *(_route(wanted, each.value, [_CHOICE.matched(number)]) for number, each in conditions),
        _route(wanted, times_of_everybody(wanted), []),
    ]
    host = {"name": "*", "domains": ["*"], "routes": routes}
    return {"route_config": {"name": wanted.name, "virtual_hosts": [host], "validate_clusters": OFF}}


def times_finder(wanted: ir.Inbound) -> list[dict[str, Any]]:
    """HTTP filters: who calls is found out, and the route looked up again, for it is chosen before any
    filter runs. All routes lead to the same place and nothing is protected by them."""
    if not depends(wanted.times):
        return []
    again = extension(
        "sekisho.times", "envoy.extensions.filters.http.set_filter_state.v3.Config", clear_route_cache=True
    )
    return [*_CHOICE.finder(wanted.times), again]


def times_of_everybody(wanted: ir.Inbound) -> ir.Times:
    """Those that no caller has to himself."""
    return next((each.value for each in wanted.times if each.caller is None), ir.Times())


def _route(wanted: ir.Inbound, times: ir.Times, metadata: list[dict[str, Any]]) -> dict[str, Any]:
    """envoy.config.route.v3.Route. The caller's proxy has its own clock: here, none is the default."""
    action: dict[str, Any] = {"cluster": wanted.name, "timeout": milliseconds(times.request or 0)}
    if times.stream_idle is not None:
        action["idle_timeout"] = milliseconds(times.stream_idle)
    if times.max_stream:
        action["max_stream_duration"] = {"max_stream_duration": milliseconds(times.max_stream)}
    return {"match": {"prefix": "/", "dynamic_metadata": metadata}, "route": action}
