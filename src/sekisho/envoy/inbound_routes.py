"""RouteConfiguration: of an inbound, which has one place to send to; who may call, and times, travel with it.

Permissions come with the routes and not with the listener: a change holds from the next request on, also on
connections that live for hours, and no connection is closed for it. Until it has come nobody is let in.
"""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import ADS, OFF, ON, extension, milliseconds, new
from sekisho.envoy.choices import Choice, depends
from sekisho.envoy.known_callers import known_callers, without_asking
from sekisho.envoy.rbac import rbac_per_route

_CHOICE = Choice("times", over_http=True)


def inbound_route_configuration(wanted: ir.Inbound) -> Any:
    """envoy.config.route.v3.RouteConfiguration, called like the inbound; its cluster may come later."""
    conditions = [each for each in enumerate(wanted.times) if each[1].caller is not None]
    routes = [
        *(_route(wanted, each.value, [_CHOICE.matched(number)]) for number, each in conditions),
        *_for_known_callers(wanted),
        _route(wanted, times_of_everybody(wanted), []),
    ]
    permitted = rbac_per_route(wanted.permissions) if guarded(wanted) else {}
    host = {"name": "*", "domains": ["*"], "routes": routes, "typed_per_filter_config": permitted}
    return new(
        "envoy.config.route.v3.RouteConfiguration",
        name=wanted.name,
        virtual_hosts=[host],
        validate_clusters=OFF,
    )


def _for_known_callers(wanted: ir.Inbound) -> list[dict[str, Any]]:
    """A route like that for everybody, without asking those for permission who have it anyway."""
    known = known_callers(wanted.permissions)
    if wanted.tls is None or not known:
        return []
    route = _route(wanted, times_of_everybody(wanted), [])
    route["match"]["filter_state"] = known
    return [route | {"typed_per_filter_config": without_asking()}]


def inbound_routing(wanted: ir.Inbound) -> dict[str, Any]:
    """Fields of HttpConnectionManager."""
    return {"rds": {"route_config_name": wanted.name, "config_source": ADS}}


def guarded(wanted: ir.Inbound) -> bool:
    """Where nobody has an identity and nothing is said, nobody is refused."""
    return wanted.tls is not None or bool(wanted.permissions.rules)


def times_finder(wanted: ir.Inbound) -> list[dict[str, Any]]:
    """HTTP filters: who calls is found out, and the route looked up again, for it is chosen before any
    filter runs. All routes lead to the same place, and none has permissions of its own."""
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
    action: dict[str, Any] = {"cluster": wanted.leads_to, "timeout": milliseconds(times.request or 0)}
    if wanted.cluster:  # servers outside that have a name are asked by it
        action["auto_host_rewrite"] = ON
    if times.stream_idle is not None:
        action["idle_timeout"] = milliseconds(times.stream_idle)
    if times.max_stream:
        action["max_stream_duration"] = {"max_stream_duration": milliseconds(times.max_stream)}
    return {"match": {"prefix": "/", "dynamic_metadata": metadata}, "route": action}
