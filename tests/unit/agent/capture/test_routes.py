"""Routes for addresses that are nobody's: of all ranges that are in use, and gone with them."""

from collections.abc import Iterable

from sekisho.agent.capture.plan import Plan
from sekisho.agent.capture.routes import Command, added, outdated, removed

BOTH = ("-4", "-6")
PLAN = Plan(table="t")
MOVED = Plan(table="t", virtual_ranges=("10.96.0.0/12", *PLAN.virtual_ranges))


def networks(commands: Iterable[Command], verb: str) -> set[tuple[str, str]]:
    """Family and network of each route that is added or taken away."""
    return {
        (each[0], each[3]) for each in commands if each[1:3] == ("route", verb) and each[4:] == ("dev", "lo")
    }


def test_services_others_and_other_zones_have_routes() -> None:
    assert networks(added(PLAN, BOTH), "replace") == {
        ("-4", "241.0.0.0/8"),
        ("-4", "242.0.0.0/8"),
        ("-4", "243.0.0.0/8"),
        ("-6", "fd5e:6b69:7368:6f::/96"),
    }
    assert networks(added(PLAN, ("-4",)), "replace") == {
        ("-4", "241.0.0.0/8"),
        ("-4", "242.0.0.0/8"),
        ("-4", "243.0.0.0/8"),
    }


def test_a_range_that_operators_chose_has_one_too_and_all_go_with_the_capture() -> None:
    assert ("-4", "10.96.0.0/12") in networks(added(MOVED, BOTH), "replace")
    assert networks(removed(MOVED, BOTH), "del") == networks(added(MOVED, BOTH), "replace")


def test_the_route_of_a_range_that_is_given_up_goes_and_others_stay() -> None:
    assert list(outdated(MOVED, PLAN, BOTH)) == [("-4", "route", "del", "10.96.0.0/12", "dev", "lo")]
    assert list(outdated(PLAN, MOVED, BOTH)) == []
