"""Clusters of the mesh: mutual TLS to exact names, policies of every sort, and servers outside."""

from tests.kit.sidecar import ORIGIN, spiffe_id
from tests.kit.static import Plan

from sekisho import ir


def cluster(name: str, **fields: object) -> ir.Cluster:
    return ir.Cluster(name=name, origin=ORIGIN, **fields)  # type: ignore[arg-type]


def member(*identities: str, **fields: object) -> ir.MeshTransport:
    return ir.MeshTransport(
        server_name="80.cart.shop.default.default.sekisho",
        identities=identities,
        **fields,  # type: ignore[arg-type]
    )


PLAN = Plan(
    clusters=(
        cluster(
            "shop/cart/80",
            transport=member(spiffe_id("cart")),
            limits=ir.Limits(connections=10, pools=2, pending_requests=20, requests=30, retries=4),
            outliers=ir.Outliers(
                consecutive_failures=5, success_rate=(3, 100, 1900), failure_percentage=(3, 50, 80)
            ),
            health_checks=(
                ir.HealthCheck(kind="http", path="/healthy", headers=(("x-check", "1"),)),
                ir.HealthCheck(kind="tcp", send=b"ping", receive=(b"pong",)),
                ir.HealthCheck(kind="grpc", service="cart"),
            ),
            balancing=ir.Balancing(balancer=ir.Balancer.RING_HASH, panic_percent=0),
            idle_timeout_ms=60_000,
            max_connection_duration_ms=600_000,
        ),
        cluster("shop/nobody/80", transport=member(), balancing=ir.Balancing(balancer=ir.Balancer.MAGLEV)),
        cluster(
            "shop/database/5432",
            protocol=ir.Protocol.TCP,
            transport=member(spiffe_id("database"), alpn="sekisho"),
            balancing=ir.Balancing(balancer=ir.Balancer.RANDOM, weighted_localities=True),
        ),
        cluster(
            "shop/outside/443",
            transport=ir.ServerTls(
                server_name="api.example.com",
                authorities="authorities/shop/outside",
                alternative_names=(("dns", "exact", "api.example.com"), ("uri", "prefix", "https://a/")),
            ),
            hosts=(ir.Host("api.example.com", 443), ir.Host("backup.example.com", 443, 1)),
            balancing=ir.Balancing(balancer=ir.Balancer.ROUND_ROBIN, fail_on_panic=True),
        ),
        cluster(
            "shop/addresses/443",
            transport=ir.ServerTls(server_name="a.test", verify="no-names"),
            hosts=(ir.Host("192.0.2.1", 443), ir.Host("2001:db8::1", 443)),
            balancing=ir.Balancing(choices=5, active_request_bias=0.5),
        ),
    ),
    endpoints=(
        ir.Endpoints(
            cluster="shop/cart/80",
            endpoints=(
                ir.Endpoint("10.0.0.1", 80, zone="a", meshed=True, locality_weight=9),
                ir.Endpoint("10.0.0.2", 80, zone="a"),
                ir.Endpoint("10.0.0.3", 80, zone="b", meshed=True, priority=1, sub_zone="rack=1"),
            ),
            overprovisioning_percent=200,
            origin=ORIGIN,
        ),
    ),
    trust=(ir.TrustBundle(name="trust", authorities=()),),
)
