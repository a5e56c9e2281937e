"""`sekisho status`: what one screen says of Gateways, and of what was refused."""

from datetime import UTC, datetime

from sekisho.cli.status import _REFUSED, is_fine, screen
from sekisho.client.system_status import GatewayState, ListenerState, RefusalState, SystemStatus
from sekisho.control.tally import Refused


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


def test_what_was_refused_is_one_line_with_when_it_was_last_and_none_where_nothing_was() -> None:
    refusals = (
        RefusalState(what="caller", count=12, last="2026-01-01T00:00:00Z"),
        RefusalState(what="right", count=1, last="2026-01-01T00:02:00Z"),
        RefusalState(what="of a later release", count=2, last="2026-01-01T00:02:00Z"),
    )
    now = datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    found = SystemStatus(refusals=refusals)
    assert (
        "REFUSED SINCE THE START  12 calls without a good token (last 3m ago), "
        "1 call beyond the caller's rights (last 1m ago), 2 times (of a later release) (last 1m ago)"
    ) in screen(found, now).plain.splitlines()
    assert "REFUSED" not in screen(SystemStatus(), now).plain
    assert is_fine(found), "it is over"


def test_there_are_words_for_all_that_is_counted() -> None:
    assert _REFUSED.keys() == {what.value for what in Refused}
