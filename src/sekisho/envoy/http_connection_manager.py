"""HttpConnectionManager: the HTTP side of one filter chain, hardened for the edge.

It mentions no route: routes come by scope (`scopes.py`), so no change of a route changes a listener.
"""

from typing import Any

from sekisho.envoy.building import ADS, ON, extension, seconds, value
from sekisho.envoy.clusters import CONCURRENT_STREAMS, CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES
from sekisho.envoy.filters import http_filters
from sekisho.envoy.scope_keys import HEADER, PORT_SEPARATOR, scope_key

NAME = "envoy.filters.network.http_connection_manager"
TYPE = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

HEADERS_KB = 60
HEADERS_COUNT = 100
CONNECTION_IDLE_SECONDS = 3600
CONNECTION_AGE_SECONDS = 3600
STREAM_IDLE_SECONDS = 300
REQUEST_SECONDS = 300
"""Until the last byte of the request has come."""
REQUEST_HEADERS_SECONDS = 10


def http_connection_manager(table: str) -> dict[str, Any]:
    """A network filter with the HttpConnectionManager of one route table."""
    return extension(
        NAME,
        TYPE,
        stat_prefix=table,
        http_filters=http_filters(),
        **_routing(table),
        **_time_limits(),
        **_protocols(),
        **_trust(),
        **_normalisation(),
    )


def _routing(table: str) -> dict[str, Any]:
    """The early mutation runs before the first look-up and replaces what the client may have sent."""
    key_header = {"header": {"key": HEADER, "value": scope_key(table, "%REQ(:authority)%")}}
    host_without_port = {"name": HEADER, "element_separator": PORT_SEPARATOR, "index": 0}
    return {
        "early_header_mutation_extensions": [
            extension(
                "envoy.http.early_header_mutation.header_mutation",
                "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[{"append": {**key_header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}],
            )
        ],
        "scoped_routes": {
            "name": table,
            "scope_key_builder": {"fragments": [{"header_value_extractor": host_without_port}]},
            "rds_config_source": ADS,
            "scoped_rds": {"scoped_rds_config_source": ADS},
        },
    }


def _time_limits() -> dict[str, Any]:
    return {
        "stream_idle_timeout": seconds(STREAM_IDLE_SECONDS),
        "request_timeout": seconds(REQUEST_SECONDS),
        "request_headers_timeout": seconds(REQUEST_HEADERS_SECONDS),
        # A connection that is too old is closed between requests, not under one.
        "http1_safe_max_connection_duration": True,
    }


def _protocols() -> dict[str, Any]:
    return {
        "max_request_headers_kb": value(HEADERS_KB),
        "common_http_protocol_options": {
            "idle_timeout": seconds(CONNECTION_IDLE_SECONDS),
            "max_connection_duration": seconds(CONNECTION_AGE_SECONDS),
            "max_headers_count": value(HEADERS_COUNT),
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": value(CONCURRENT_STREAMS),
            "initial_stream_window_size": value(STREAM_WINDOW_BYTES),
            "initial_connection_window_size": value(CONNECTION_WINDOW_BYTES),
            "allow_connect": True,  # RFC 8441, WebSocket over HTTP/2; a plain CONNECT still finds no route
        },
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }


def _trust() -> dict[str, Any]:
    """Nothing a client says about its own address or identity is believed."""
    return {
        "use_remote_address": ON,
        "xff_num_trusted_hops": 0,
        "forward_client_cert_details": "SANITIZE",
    }


def _normalisation() -> dict[str, Any]:
    """One spelling for every path and host, so that what a rule protects has no second name."""
    return {
        "normalize_path": ON,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "strip_trailing_host_dot": True,
    }
