"""Of zones: ingress by name, the way to a service of another one, TLS within, and outlets of an egress."""

from tests.kit.sidecar import ORIGIN, inbound, spiffe_id
from tests.kit.static import Plan

from sekisho import ir
from sekisho.translate.zone import clusters as remote
from sekisho.translate.zone import ingress

IN_GCP = spiffe_id("catalog", domain="default.gcp.mesh.local")
CATALOG = "sni/80.catalog.shop.gcp.default.sekisho"


def to_catalog(name: str, **fields: object) -> ir.Cluster:
    transport = ir.MeshTransport(
        server_name="80.catalog.shop.gcp.default.sekisho", identities=(IN_GCP,), members_only=True
    )
    return ir.Cluster(
        name=name,
        transport=transport,
        connect_timeout_ms=remote.CONNECT_MILLISECONDS,
        outliers=remote.OUTLIERS,
        health_checks=(remote.PROBE,),
        balancing=remote.BALANCING,
        origin=ORIGIN,
        **fields,  # type: ignore[arg-type]
    )


PLAN = Plan(
    listeners=(
        ir.Listener(
            name="http/127.0.0.1/15443",
            address="127.0.0.1",
            port=15443,
            chains=(ingress.ingress_chain("15443/sekisho", ORIGIN),),
            origin=ORIGIN,
        ),
    ),
    outlets=(
        inbound(443, 443, name="tunnel/external/shop/bank/443", cluster="external/shop/bank/443"),
        inbound(
            5432,
            5432,
            name="tunnel/external/shop/ledger/5432",
            cluster="external/shop/ledger/5432",
            protocol=ir.Protocol.TCP,
            inspected=False,
            is_named=True,
        ),
    ),
    tunnels=(ir.Tunnel(cluster="tcp/zone/shop/far.gcp/443", origin=ORIGIN),),
    clusters=(
        ir.Cluster(
            name=CATALOG,
            protocol=ir.Protocol.TCP,
            connect_timeout_ms=ingress.CONNECT_MILLISECONDS,
            outliers=ingress.OUTLIERS,
            origin=ORIGIN,
        ),
        ir.Cluster(
            name="sni/443.bank.external.shop.gcp.default.sekisho",
            protocol=ir.Protocol.TCP,
            inside="external/shop/bank/443",
            origin=ORIGIN,
        ),
        ir.Cluster(
            name="external/shop/bank/443",
            hosts=(ir.Host("api.bank.example.com", 443),),
            guarded=True,
            origin=ORIGIN,
        ),
        ir.Cluster(
            name="external/shop/ledger/5432",
            hosts=(ir.Host("ledger.example.com", 5432),),
            guarded=True,
            origin=ORIGIN,
        ),
        to_catalog("zone/shop/catalog.gcp/80"),
        to_catalog("zone/shop/orders.gcp/80", hosts=(ir.Host("ingress.gcp.example.com", 443),)),
        to_catalog("tcp/zone/shop/far.gcp/443", protocol=ir.Protocol.TCP),
        ir.Cluster(
            name="zone/shop/far.gcp/443",
            transport=ir.ServerTls(server_name="api.gcp.example.com", verify="no-names"),
            inside="tcp/zone/shop/far.gcp/443",
            origin=ORIGIN,
        ),
    ),
    endpoints=(
        ir.Endpoints(cluster=CATALOG, endpoints=(ir.Endpoint("10.0.0.1", 8080, meshed=True),), origin=ORIGIN),
        ir.Endpoints(
            cluster="zone/shop/catalog.gcp/80",
            endpoints=(
                ir.Endpoint("203.0.113.7", 443, "gcp", meshed=True),
                ir.Endpoint("203.0.113.8", 443, "gcp", meshed=True),
            ),
            origin=ORIGIN,
        ),
    ),
)
