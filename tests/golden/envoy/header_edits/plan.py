"""Headers changed by a route, and by a route and its shares; the share has the last word."""

from tests.kit.gateway import TABLE, forward, route, share
from tests.kit.static import Plan

from sekisho import ir

EDITS = ir.HeaderEdits(set=(("x-set", "100 %"),), add=(("x-add", "a"),), remove=("x-gone",))
SHARE = ir.HeaderEdits(set=(("x-set", "share"),), remove=("x-add",))

PLAN = Plan(
    hosts=(
        ir.VirtualHost(
            table=TABLE,
            hostname="edit.example.com",
            routes=(
                route(
                    forward(),
                    ir.PathPrefix("/a"),
                    name="route",
                    request_headers=EDITS,
                    response_headers=EDITS,
                ),
                route(
                    ir.Forward(
                        shares=(share("one", request_headers=SHARE), share("two", response_headers=SHARE))
                    ),
                    name="shares",
                    request_headers=EDITS,
                    response_headers=EDITS,
                ),
            ),
        ),
    )
)
