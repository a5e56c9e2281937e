"""Bootstrap: all that an Envoy is told before it asks the control plane for the rest."""

from enum import StrEnum
from typing import Any

from sekisho.envoy.building import ADS, XDS_CLUSTER, extension, milliseconds, new, seconds, value
from sekisho.envoy.clusters import CONNECTION_BUFFER_BYTES
from sekisho.envoy.guard import guard_cluster, guard_listener
from sekisho.envoy.overload import overload_manager
from sekisho.envoy.stats import stats_config
from sekisho.envoy.tunnels import bootstrap_extension
from sekisho.envoy.upstream_tls import HOST_AUTHORITIES

RUNTIME = {
    # RE2's size of a compiled pattern; Envoy's default of 100 refuses everyday patterns.
    "re2.max_program_size.error_level": 1000,
    # Nothing that is Envoy's own default: each request looks for some twenty keys here, and in a table of one
    # entry without hashing them, which is 1 % of a sidecar's work. The guard against rapid resets is one
    # (a connection that resets most of its first 500 streams is closed).
}

# No connection may bring more than one request to the filters before others have had their turn. Sidecars
# have few connections with many requests each, from members of the mesh.
GATEWAY_RUNTIME = RUNTIME | {"http.max_requests_per_io_cycle": 1}

ADMIN_PATHS = ("/ready", "/config_dump", "/clusters", "/certs", "/server_info", "/listeners")
ADMIN_MODE = 0o600

SIDECAR_CONNECTIONS = 10_000
"""Of one sidecar, from its application and from other workloads together."""


class Role(StrEnum):
    """Where the proxy stands."""

    GATEWAY = "gateway"
    SIDECAR = "sidecar"


_UPSTREAM_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def bootstrap(  # noqa: PLR0913 - one for each thing that only the host knows
    *,
    node_id: str,
    xds_socket: str,
    admin_socket: str,
    max_heap_bytes: int,
    max_connections: int = 50_000,
    zone: str = "",
    role: Role = Role.GATEWAY,
    authorities: str = "",
) -> Any:
    """envoy.config.bootstrap.v3.Bootstrap

    `node_id`: who this proxy is to the control plane. `xds_socket`, `admin_socket`: paths of Unix sockets;
    the first is the agent's, the second Envoy makes, for its own user only. `max_heap_bytes`: 80 % of the
    memory it may use is advised. `max_connections`: of all listeners together, at most half its file
    descriptors. `role`: a sidecar, of which there are many on a host, takes no more than
    `SIDECAR_CONNECTIONS` and has no memory for figures of what is not used. `authorities`: path of the
    certificates that the host believes; without it, what wants them is refused.
    """
    sidecar = role is Role.SIDECAR
    if sidecar:
        max_connections = min(max_connections, SIDECAR_CONNECTIONS)
    return new(
        "envoy.config.bootstrap.v3.Bootstrap",
        node={"id": node_id, "cluster": "sekisho", "locality": {"zone": zone}},
        admin=_admin(admin_socket),
        dynamic_resources={"ads_config": _ads(), "cds_config": ADS, "lds_config": ADS},
        static_resources={
            "clusters": [_xds_cluster(xds_socket), guard_cluster()],
            "listeners": [guard_listener()],
            "secrets": [_host_authorities(authorities)] if authorities else [],
        },
        overload_manager=overload_manager(
            max_heap_bytes=max_heap_bytes, max_connections=max_connections, weighs_streams=not sidecar
        ),
        # No admin layer: what is configured here cannot be changed from the admin interface.
        layered_runtime={
            "layers": [{"name": "sekisho", "static_layer": RUNTIME if sidecar else GATEWAY_RUNTIME}]
        },
        bootstrap_extensions=[bootstrap_extension()],
        stats_config=stats_config(sidecar=sidecar),
        deferred_stat_options={"enable_deferred_creation_stats": True} if sidecar else None,
    )


def _host_authorities(path: str) -> dict[str, Any]:
    """Read when a cluster that wants it is added: a missing file stops nothing else."""
    return {"name": HOST_AUTHORITIES, "validation_context": {"trusted_ca": {"filename": path}}}


def _admin(socket: str) -> dict[str, Any]:
    """Nothing that changes Envoy is allowed, except draining, which the agent does before it stops it."""
    return {
        "address": {"pipe": {"path": socket, "mode": ADMIN_MODE}},
        "ignore_global_conn_limit": True,
        "allow_paths": [
            *({"exact": path} for path in ADMIN_PATHS),
            {"prefix": "/config_dump?"},
            {"prefix": "/stats"},
            {"prefix": "/drain_listeners"},
            {"exact": "/healthcheck/fail"},
        ],
    }


def _ads() -> dict[str, Any]:
    """A lost stream is taken up again within 50 ms to 1 s; Envoy's default is 0.5 to 30 s."""
    back_off = {"base_interval": milliseconds(50), "max_interval": seconds(1)}
    envoy_grpc = {"cluster_name": XDS_CLUSTER, "retry_policy": {"retry_back_off": back_off}}
    return {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": envoy_grpc}],
        "set_node_on_first_message_only": True,
    }


def _xds_cluster(socket: str) -> dict[str, Any]:
    keepalive = {"interval": seconds(30), "timeout": seconds(5)}
    options = extension(
        _UPSTREAM_OPTIONS,
        _UPSTREAM_OPTIONS,
        explicit_http_config={"http2_protocol_options": {"connection_keepalive": keepalive}},
    )
    endpoint = {"endpoint": {"address": {"pipe": {"path": socket}}}}
    return {
        "name": XDS_CLUSTER,
        "type": "STATIC",
        "connect_timeout": seconds(1),
        "per_connection_buffer_limit_bytes": value(CONNECTION_BUFFER_BYTES),
        "load_assignment": {"cluster_name": XDS_CLUSTER, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {_UPSTREAM_OPTIONS: options["typed_config"]},
    }
