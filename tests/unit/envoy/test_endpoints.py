"""Endpoints as Envoy is told of them: by zone, weighted only where the weights differ."""

from tests.kit.gateway import ORIGIN

from sekisho import envoy, ir


def assignment(*endpoints: ir.Endpoint) -> list[tuple[str, list[tuple[str, int, int | None]]]]:
    """Per zone: address, port, and weight where there is one."""
    built = envoy.cluster_load_assignment(ir.Endpoints(cluster="a/b/80", endpoints=endpoints, origin=ORIGIN))
    return [
        (
            group.locality.zone,
            [
                (
                    one.endpoint.address.socket_address.address,
                    one.endpoint.address.socket_address.port_value,
                    one.load_balancing_weight.value if one.HasField("load_balancing_weight") else None,
                )
                for one in group.lb_endpoints
            ],
        )
        for group in built.endpoints
    ]


def test_equal_endpoints_have_no_weights() -> None:
    assert assignment(ir.Endpoint("10.0.0.1", 80), ir.Endpoint("10.0.0.2", 81)) == [
        ("", [("10.0.0.1", 80, None), ("10.0.0.2", 81, None)])
    ]


def test_one_weight_makes_all_weights_said_in_every_zone() -> None:
    heavy = ir.Endpoint("10.0.0.1", 80, "b", weight=3)
    assert assignment(heavy, ir.Endpoint("10.0.0.2", 80, "b"), ir.Endpoint("10.0.0.3", 80, "a")) == [
        ("a", [("10.0.0.3", 80, 1)]),
        ("b", [("10.0.0.1", 80, 3), ("10.0.0.2", 80, 1)]),
    ]
