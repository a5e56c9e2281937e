"""Made-up resources from a vocabulary so small that they collide: edits of a world, and requests to it."""

from typing import Any

from hypothesis import strategies as st
from tests.properties.experimental_strategies import (
    RULE_SESSIONS,
    TRAFFIC_POLICIES,
    XBACKEND_REFERENCES,
    XBACKENDS,
)
from tests.properties.mesh_strategies import A_MESH, MESH_DOCUMENTS, MESH_FACTS
from tests.properties.zone_strategies import ZONE_BACKENDS, ZONE_DOCUMENTS, ZONE_FACTS
from tests.unit.translate.certificates import NOT_AFTER, key_pair, secret, tls_secret
from tests.unit.translate.world import (
    Document,
    backend,
    document,
    endpoint_slice,
    gateway,
    gateway_class,
    http_route,
    listener_set,
    namespace,
    reference_grant,
    route,
    rule,
    service,
    unvalidated,
    workload,
)

from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, ExpiredCertificate, ProxyState, Rejection, Settings, SettingsKey
from sekisho.translate.gateway.rejections import CLUSTER_TYPES, LISTENER_TYPE, SCOPE_TYPE

Edit = dict[Any, Any]
"""Leaf → value, or None when it is removed: what one commit changes."""

NAMESPACES = st.sampled_from(["shop", "bank"])
HOSTNAMES = st.sampled_from(
    ["a.example.com", "b.a.example.com", "*.example.com", "*.a.example.com", "*.com", "x.org"]
)
PATHS = st.sampled_from(["/", "/a", "/a/b", "/ab"])
PORTS = st.sampled_from([8080, 8081])
SERVICES = st.sampled_from(["web", "api"])
GATEWAYS = st.sampled_from(["edge", "inner"])


def lists(of: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=most)


def optional(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A field that is left out half of the time."""
    return st.just({}) | values.map(lambda value: {name: value})


@st.composite
def listeners(draw: st.DrawFn, name: str) -> Document:
    protocol = draw(st.sampled_from(["HTTP", "HTTP", "HTTPS", "TLS", "TCP", "UDP", "example.com/odd"]))
    allowed = draw(
        st.sampled_from(
            [
                {"namespaces": {"from": "All"}},
                {"namespaces": {"from": "Same"}},
                {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}}},
                {"namespaces": {"from": "All"}, "kinds": [{"kind": "Odd"}]},
            ]
        )
    )
    certificates = draw(
        lists(
            st.builds(
                lambda secret, space: {"name": secret, **space},
                st.sampled_from(["cert", "broken"]),
                optional("namespace", NAMESPACES),
            )
        )
    )
    modes = optional("mode", st.just("Passthrough")) if protocol == "TLS" else st.just({})
    return {
        "name": name,
        "port": draw(PORTS),
        "protocol": protocol,
        "allowedRoutes": allowed,
        **draw(optional("hostname", HOSTNAMES)),
        **({"tls": {"certificateRefs": certificates, **draw(modes)}} if protocol in ("HTTPS", "TLS") else {}),
    }


FRONTENDS = st.builds(
    lambda kind, space, mode: {
        "validation": {"caCertificateRefs": [{"group": "", "kind": kind, "name": "ca", **space}], **mode}
    },
    st.sampled_from(["ConfigMap", "ConfigMap", "Odd"]),
    optional("namespace", NAMESPACES),
    optional("mode", st.just("AllowInsecureFallback")),
)
GATEWAY_TLS = st.builds(
    lambda default, ports, shown, space: {
        "frontend": {"default": default, "perPort": [{"port": port, "tls": tls} for port, tls in ports]},
        "backend": {"clientCertificateRef": {"name": shown, **space}} if shown else {},
    },
    st.just({}) | FRONTENDS,
    lists(st.tuples(st.just(8081), FRONTENDS), 1),
    st.sampled_from(["", "cert", "broken"]),
    optional("namespace", NAMESPACES),
)
ALLOWED_LISTENERS = st.sampled_from(
    [{"from": "All"}, {"from": "Same"}, {"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}}]
).map(lambda wanted: {"namespaces": wanted})


@st.composite
def listener_sets(draw: st.DrawFn) -> Document:
    parent = {"name": draw(GATEWAYS), **draw(optional("namespace", NAMESPACES))}
    doors = [draw(listeners(name)) for name in draw(st.sampled_from([["a"], ["a", "b"]]))]
    created = draw(st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]))
    return listener_set(
        draw(st.sampled_from(["more", "most"])),
        *doors,
        namespace=draw(NAMESPACES),
        parent=parent,
        metadata={"creationTimestamp": created},
    )


@st.composite
def gateways(draw: st.DrawFn) -> Document:
    doors = [draw(listeners(name)) for name in draw(st.sampled_from([["a"], ["a", "b"], ["a", "b", "c"]]))]
    addresses = draw(
        lists(st.sampled_from([{"value": "127.0.0.2"}, {"value": "nowhere"}, {"type": "Hostname"}]), 1)
    )
    class_name = draw(st.sampled_from(["sekisho", "sekisho", "other"]))
    return gateway(
        *doors,
        name=draw(GATEWAYS),
        namespace=draw(NAMESPACES),
        addresses=addresses,
        gatewayClassName=class_name,
        **draw(optional("allowedListeners", ALLOWED_LISTENERS)),
        **draw(optional("tls", GATEWAY_TLS)),
    )


_SERVICE_BACKENDS = st.builds(
    lambda name, port, weight, space: backend(name, port, weight=weight, **space),
    SERVICES,
    st.sampled_from([80, 81]),
    st.sampled_from([0, 1, 5]),
    optional("namespace", NAMESPACES),
)
BACKENDS = st.one_of(
    _SERVICE_BACKENDS, _SERVICE_BACKENDS, _SERVICE_BACKENDS, ZONE_BACKENDS, XBACKEND_REFERENCES
)
FILTERS = st.sampled_from(
    [
        {"type": "RequestRedirect", "requestRedirect": {"statusCode": 301}},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "in.example.com"}},
        {"type": "ExtensionRef", "extensionRef": {"group": "example.com", "kind": "Odd", "name": "x"}},
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "api", "port": 80}}},
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}},
        {"type": "CORS", "cors": {"allowOrigins": ["https://a.b"]}},
    ]
)
MATCHES = st.builds(
    lambda type_, value, method, headers: {
        "path": {"type": type_, "value": value},
        "headers": [{"name": name, "value": "1"} for name in headers],
        **method,
    },
    st.sampled_from(["PathPrefix", "Exact"]),
    PATHS,
    optional("method", st.sampled_from(["GET", "OPTIONS"])),
    lists(st.sampled_from(["x", "y"])),
)
RULES = st.builds(
    lambda matches, backends, filters, session: rule(*backends, matches=matches, filters=filters, **session),
    lists(MATCHES),
    lists(BACKENDS),
    lists(FILTERS, 1),
    RULE_SESSIONS,
)
PARENTS = st.builds(
    lambda named, space, section, port: {**named, **space, **section, **port},
    GATEWAYS.map(lambda name: {"name": name})
    | st.sampled_from(["more", "most"]).map(lambda name: {"kind": "ListenerSet", "name": name}),
    optional("namespace", NAMESPACES),
    optional("sectionName", st.sampled_from(["a", "b"])),
    optional("port", PORTS),
)
ROUTES = st.builds(
    lambda name, space, rules, hostnames, parents, created: http_route(
        name,
        *rules,
        namespace=space,
        hostnames=hostnames,
        parents=parents,
        metadata={"creationTimestamp": created},
    ),
    st.sampled_from(["r", "q", "z"]),
    NAMESPACES,
    st.lists(RULES, min_size=1, max_size=2),
    lists(HOSTNAMES),
    lists(PARENTS),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
)
METHODS = st.sampled_from(
    [
        {"service": "a.B", "method": "C"},
        {"service": "a.B"},
        {"service": "a.+", "type": "RegularExpression"},
        {"method": "C"},
    ]
)
CALL_RULES = st.builds(
    lambda methods, headers, backends, filters: rule(
        *backends,
        matches=[
            {"method": one, "headers": [{"name": name, "value": "1"} for name in headers]} for one in methods
        ],
        filters=filters,
    ),
    lists(METHODS),
    lists(st.sampled_from(["x", "y"])),
    lists(BACKENDS),
    lists(
        st.sampled_from([{"type": "RequestMirror", "requestMirror": {"backendRef": backend("api", 81)}}]), 1
    ),
)
SERVICE_PARENTS = st.builds(
    lambda name, space: {"group": "", "kind": "Service", "name": name, **space},
    SERVICES,
    optional("namespace", NAMESPACES),
)
OTHER_ROUTES = st.builds(
    lambda kind, name, space, calls, backends, hostnames, parents, created: route(
        kind,
        name,
        *([calls] if kind == "GRPCRoute" else [rule(*backends)]),
        namespace=space,
        parents=parents,
        metadata={"creationTimestamp": created},
        **({"hostnames": hostnames} if kind in ("GRPCRoute", "TLSRoute") else {}),
    ),
    st.sampled_from(["GRPCRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"]),
    st.sampled_from(["r", "q"]),
    NAMESPACES,
    CALL_RULES,
    st.lists(BACKENDS, min_size=1, max_size=2),
    st.lists(HOSTNAMES, min_size=1, max_size=2),
    lists(PARENTS | SERVICE_PARENTS),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
)
SERVICE_PORTS = st.sampled_from(
    [
        {"port": 80, "targetPort": 3000},
        {"port": 80, "targetPort": "web", "name": "web"},
        {"port": 81, "appProtocol": "kubernetes.io/h2c"},
        {"port": 80, "appProtocol": "kubernetes.io/wss"},
        {"port": 81, "protocol": "UDP"},
    ]
)
BACKEND_TLS = st.builds(
    lambda name, space, service, section, kind, created: document(
        "BackendTLSPolicy",
        name,
        space,
        metadata={"creationTimestamp": created},
        spec={
            "targetRefs": [{"group": "", "kind": "Service", "name": service, **section}],
            "validation": {
                "hostname": "a.example.com",
                "caCertificateRefs": [{"group": "", "kind": kind, "name": "ca"}],
            },
        },
    ),
    st.sampled_from(["p", "q"]),
    NAMESPACES,
    SERVICES,
    optional("sectionName", st.just("web")),
    st.sampled_from(["ConfigMap", "ConfigMap", "Odd"]),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
)
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])
DOCUMENTS: st.SearchStrategy[Document] = st.one_of(
    MESH_DOCUMENTS,
    MESH_DOCUMENTS,
    MESH_DOCUMENTS,
    ZONE_DOCUMENTS,
    ZONE_DOCUMENTS,
    gateways(),
    listener_sets(),
    ROUTES,
    ROUTES,
    OTHER_ROUTES,
    OTHER_ROUTES,
    st.builds(
        lambda name, space, port, selector: service(name, port, namespace=space, selector=selector),
        SERVICES, NAMESPACES, SERVICE_PORTS,
        st.sampled_from([{}, {"app": "web"}, {"app": "web", "track": "new"}]),
    ),
    st.builds(
        lambda service, name, space, addresses, port: endpoint_slice(
            service, *addresses, name=name, namespace=space, ports=[port]
        ),
        SERVICES, st.sampled_from(["s1", "s2"]), NAMESPACES, lists(ADDRESSES),
        st.sampled_from([{"port": 3000}, {"name": "web", "port": 3001}]),
    ),
    st.builds(
        lambda name, address, labels, ready: workload(name, address, labels=labels, ready=ready),
        st.sampled_from(["w1", "w2"]), ADDRESSES,
        st.sampled_from([{"app": "web"}, {"app": "web", "track": "new"}, {"app": "api"}]), st.booleans(),
    ),
    st.builds(
        lambda kind, source, target, space, to_name: reference_grant(
            kind, source, target, namespace=space, to_name=to_name
        ),
        st.sampled_from(["HTTPRoute", "GRPCRoute", "TCPRoute", "Gateway", "ListenerSet"]), NAMESPACES,
        st.sampled_from(["Service", "Secret", "ConfigMap"]), NAMESPACES, st.sampled_from(["", "web", "cert"]),
    ),
    BACKEND_TLS,
    XBACKENDS,
    TRAFFIC_POLICIES,
    st.builds(
        lambda space, text: document("ConfigMap", "ca", space, data={"ca.crt": text}),
        NAMESPACES, st.sampled_from([key_pair("ca.example.com")[0].decode(), "odd"]),
    ),
    st.builds(lambda space: tls_secret("cert", "a.example.com", namespace=space), NAMESPACES),
    st.builds(lambda space: secret("broken", b"x", b"y", namespace=space), NAMESPACES),
    st.builds(lambda space, team: namespace(space, **team), NAMESPACES, optional("team", st.just("blue"))),
    st.builds(
        gateway_class,
        st.sampled_from(["sekisho", "other"]),
        st.sampled_from(["sekisho.dev/gateway-controller", "example.com/other"]),
    ),
)  # fmt: skip

GATEWAY_IDS = st.builds(lambda space, name: ResourceId("Gateway", space, name), NAMESPACES, GATEWAYS)
REJECTED = st.sampled_from(
    [
        (LISTENER_TYPE, "http/127.0.0.1/8080"),
        (SCOPE_TYPE, "8080|a.example.com"),
        (SCOPE_TYPE, "8080|~wild"),
        (CLUSTER_TYPES[0], "shop/web/80"),
    ]
)
FACTS: st.SearchStrategy[Edit] = st.one_of(
    MESH_FACTS,
    ZONE_FACTS,
    st.builds(lambda id_, state: {ProxyState.of(id_): state}, GATEWAY_IDS, st.sampled_from([SYNCED, None])),
    st.builds(
        lambda id_, what, message: {Rejection.of(id_, *what): message},
        GATEWAY_IDS, REJECTED, st.sampled_from(["Address already in use", None]),
    ),
    st.builds(
        lambda space, ended: {ExpiredCertificate.of(ResourceId("Secret", space, "cert")): ended},
        NAMESPACES, st.sampled_from([NOT_AFTER, None]),
    ),
    st.just({SettingsKey(): Settings(address="127.0.0.7")}),
)  # fmt: skip

CHANGES: st.SearchStrategy[Edit] = st.one_of(
    DOCUMENTS.map(unvalidated),
    DOCUMENTS.map(unvalidated),
    DOCUMENTS.map(lambda written: dict.fromkeys(unvalidated(written))),
    FACTS,
)


def _joined(edits: list[Edit]) -> Edit:
    return {key: value for edit in edits for key, value in edit.items()}


COMMITS: st.SearchStrategy[Edit] = st.lists(CHANGES, min_size=1, max_size=4).map(_joined)

STARTS: st.SearchStrategy[Edit] = st.builds(
    lambda written, mesh: unvalidated(
        gateway_class(), document("Namespace", "shop"), service(), *mesh, *written
    ),
    st.lists(DOCUMENTS, max_size=12),
    st.sampled_from([(), A_MESH]),
)
"""A world to begin with, in which something works more often than by chance: with a mesh, or without."""
