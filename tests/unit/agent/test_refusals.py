"""Refused connections are written down one by one, and no flood of them fills the log."""

from collections.abc import MutableMapping
from typing import Any

from structlog.testing import capture_logs
from tests.kit.clock import FakeClock
from tests.unit.envoy.test_refusals import request

from sekisho.agent.refusals import BURST, EVERY, Refusals

PROXY = "gateway/shop/ingress"


def taken(refusals: Refusals, *requests: bytes) -> list[MutableMapping[str, Any]]:
    """The lines that are written of them."""
    with capture_logs() as lines:
        for each in requests:
            refusals.take(each)
    return lines


def test_a_line_says_who_and_where_and_why() -> None:
    refusals = Refusals(PROXY, clock=FakeClock())
    (line,) = taken(refusals, request(peer="192.0.2.7:40000", at="10.0.0.1:443", server_name="a", flags="NC"))
    assert line["log_level"] == "warning"
    assert line["event"] == "a connection was refused"
    assert (line["proxy"], line["peer"], line["at"]) == (PROXY, "192.0.2.7:40000", "10.0.0.1:443")
    assert (line["server_name"], line["why"]) == ("a", "nobody here has the server name it asks for")


def test_a_flood_is_counted_and_not_written() -> None:
    clock = FakeClock()
    refusals = Refusals(PROXY, clock=clock)
    assert len(taken(refusals, *[request(flags="NC")] * (BURST + 1_000))) == BURST
    clock.advance(EVERY)
    (line,) = taken(refusals, *[request(flags="NC")] * 10)
    assert line["not_written_before"] == 1_000
    clock.advance(EVERY)
    (line,) = taken(refusals, request(flags="NC"))
    assert line["not_written_before"] == 9


def test_after_a_quiet_time_as_many_lines_as_at_first_are_written() -> None:
    clock = FakeClock()
    refusals = Refusals(PROXY, clock=clock)
    flood = [request(flags="NC")] * (2 * BURST)
    taken(refusals, *flood)
    clock.advance(10 * BURST * EVERY)
    assert len(taken(refusals, *flood)) == BURST


def test_what_is_not_understood_is_said_and_harms_nobody() -> None:
    (line,) = taken(Refusals(PROXY, clock=FakeClock()), b"\xff")
    assert line["event"] == "refused connections are not understood"
