"""What a sidecar does with a request of its workload: which route it takes, and where that leads.

A model of `envoy/outbound.py` and `envoy/route_tables.py`.
"""

from msgspec.structs import replace

from sekisho.ir.calls import Answered, Call, Verdict
from sekisho.ir.matching import matches
from sekisho.ir.paths import normalized_path
from sekisho.ir.sidecar import RouteTable
from sekisho.ir.simulator import FindEndpoints, outcome_at
from sekisho.ir.wellformed import fault, is_for_nothing, origin_form


def send(table: RouteTable, endpoints: FindEndpoints, call: Call) -> Verdict:
    """By HTTP/1.1, at an outbound port that reads it. The host plays no part: the address was the choice."""
    call = origin_form(call)
    if why := fault(call, "1.1"):
        return Verdict(outcome=Answered(status=400, why=why))
    host = table.hosts[0]
    if is_for_nothing(call, "1.1"):
        return Verdict(host=host, outcome=Answered(status=404, why="a request for no path leads nowhere"))
    path, redirected = normalized_path(call.path)
    if redirected:
        why = "a path with an escaped slash is sent back to be written plainly"
        return Verdict(host=host, outcome=Answered(status=307, location=path, why=why))
    call = replace(call, path=path)
    route = next((route for route in host.routes if matches(route.match, call, path)), None)
    if route is None:
        why = "routes are attached to the Service, and none of them matches"
        return Verdict(host=host, outcome=Answered(status=404, why=why))
    return Verdict(host=host, route=route, outcome=outcome_at(endpoints, "http", host, route, call))
