"""`sekisho.policies.localities`."""

from typing import Any

import msgspec
import pytest

from sekisho import ir
from sekisho.model.policies.load_balancing import AffinityTag, Failover, LoadBalancingDefault
from sekisho.policies.localities import Place, grouped, priorities, weights

HERE = Place("west", {"rack": "7", "node": "a"})


def default(**fields: Any) -> LoadBalancingDefault:
    return msgspec.convert(fields, LoadBalancingDefault)


def steps(*written: Any) -> tuple[Failover, ...]:
    return msgspec.convert(written, tuple[Failover, ...])


def endpoint(address: str, zone: str = "west", **labels: str) -> tuple[ir.Endpoint, dict[str, str]]:
    return ir.Endpoint(address, 80, zone), labels


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, {"west": 0, "east": 1, "north": 1}),
        ([], {"west": 0}),
        ([{"to": {"type": "None"}}], {"west": 0}),
        ([{"to": {"type": "Only", "zones": ["north"]}}], {"west": 0, "north": 1}),
        (
            [{"to": {"type": "Only", "zones": ["north"]}}, {"to": {"type": "Any"}}],
            {"west": 0, "north": 1, "east": 2},
        ),
        ([{"to": {"type": "AnyExcept", "zones": ["east"]}}], {"west": 0, "north": 1}),
        (
            [{"from": {"zones": ["east"]}, "to": {"type": "Any"}},
             {"to": {"type": "Only", "zones": ["east"]}}],
            {"west": 0, "east": 1},
        ),
        ([{"to": {"type": "Only", "zones": ["nowhere"]}}, {"to": {"type": "Only", "zones": ["east"]}}],
         {"west": 0, "east": 1}),
        ([{"to": {"type": "None"}}, {"to": {"type": "Any"}}], {"west": 0}),
    ],
)  # fmt: skip
def test_zones_help_step_by_step_without_gaps(written: Any, expected: dict[str, int]) -> None:
    found = priorities("west", {"west", "east", "north"}, None if written is None else steps(*written))
    assert found == expected


def test_weights_grow_tenfold_towards_the_nearest_unless_they_are_written() -> None:
    assert weights([AffinityTag(key="a"), AffinityTag(key="b"), AffinityTag(key="c")]) == (900, 90, 9)
    assert weights([AffinityTag(key="a", weight=3), AffinityTag(key="b")]) == (3, 9)


def test_endpoints_of_the_own_zone_are_grouped_by_the_first_label_in_common() -> None:
    conf = default(localityAwareness={"localZone": {"affinityTags": [{"key": "node"}, {"key": "rack"}]}})
    found = grouped(
        [
            endpoint("10.0.0.1", node="a", rack="7"), endpoint("10.0.0.2", node="b", rack="7"),
            endpoint("10.0.0.3", node="b"), endpoint("10.0.0.4", "east", node="a"),
        ],
        HERE,
        conf,
    )  # fmt: skip
    assert [(one.address, one.priority, one.sub_zone, one.locality_weight) for one in found] == [
        ("10.0.0.1", 0, "node=a", 90), ("10.0.0.2", 0, "rack=7", 9),
        ("10.0.0.3", 0, "", 1), ("10.0.0.4", 1, "", 1),
    ]  # fmt: skip


def test_zones_that_no_step_names_are_not_used() -> None:
    only = {"to": {"type": "Only", "zones": ["east"]}}
    conf = default(localityAwareness={"crossZone": {"failover": [only]}})
    everywhere = [endpoint("1.1.1.1"), endpoint("2.2.2.2", "east"), endpoint("3.3.3.3", "north")]
    assert [one.address for one in grouped(everywhere, HERE, conf)] == ["1.1.1.1", "2.2.2.2"]


def test_beside_groups_that_are_weighed_other_zones_weigh_what_stands_there() -> None:
    conf = default(localityAwareness={"localZone": {"affinityTags": [{"key": "node"}]}})
    big = [(ir.Endpoint(f"2.2.2.{number}", 80, "east", weight=5), {}) for number in (1, 2)]
    found = grouped([endpoint("1.1.1.1"), *big, endpoint("3.3.3.3", "north")], HERE, conf)
    assert [(one.zone, one.locality_weight) for one in found] == [
        ("west", 1), ("east", 10), ("east", 10), ("north", 1),
    ]  # fmt: skip


def test_without_awareness_all_are_alike() -> None:
    conf = default(localityAwareness={"disabled": True, "localZone": {"affinityTags": [{"key": "node"}]}})
    found = grouped([endpoint("1.1.1.1", node="a"), endpoint("2.2.2.2", "east")], HERE, conf)
    assert {(one.priority, one.locality_weight) for one in found} == {(0, 0)}
