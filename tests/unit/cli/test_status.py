"""`sekisho status`: what one screen says of Gateways."""

from datetime import UTC, datetime

from sekisho.cli.status import screen
from sekisho.client.system_status import GatewayState, ListenerState, SystemStatus


def test_listeners_that_others_add_are_counted_beside_its_own() -> None:
    own = ListenerState(name="http", port=80, protocol="HTTP", attached_routes=2, programmed=True)
    alone = GatewayState(namespace="infra", name="edge", programmed=True, listeners=(own,))
    shared = GatewayState(
        namespace="infra", name="shared", programmed=True, listeners=(own,), listener_sets=2
    )
    _, _, first, second, *_ = screen(
        SystemStatus(gateways=(alone, shared)), datetime.now(UTC)
    ).plain.splitlines()
    assert first.endswith("http HTTP 80 (2 routes)")
    assert second.endswith("http HTTP 80 (2 routes), those of 2 ListenerSets")
