"""StatsConfig: the few figures an operator asks for, of the hundreds Envoy keeps per cluster."""

from typing import Any

_OF_CLUSTERS = (
    "upstream_rq_total",
    "upstream_rq_active",
    "upstream_rq_timeout",
    "upstream_rq_retry",
    "upstream_rq_pending_overflow",
    "upstream_cx_total",
    "upstream_cx_active",
    "upstream_cx_connect_fail",
    "membership_healthy",
    "membership_total",
    "update_rejected",
)
# No prefixes: Envoy would try all of them each time it counts, before it looks up what it decided about that
# figure, which is 2 % of a gateway's work.
_PATTERNS = (
    r"(cluster_manager|control_plane|listener_manager|overload|server)\..*",
    rf"cluster\..*\.({'|'.join(_OF_CLUSTERS)}|upstream_rq_[1-5]xx)",
    r"http\..*\.downstream_rq_(total|[1-5]xx|active|too_large|timeout|overload_close)",
    r"http\..*\.downstream_cx_(total|active|protocol_error)",
    r"http\..*\.scoped_rds\..*\.update_(success|rejected)",
    r"http\..*\.no_(route|cluster)",
    r"listener\..*\.(downstream_cx_(total|active|overflow)|no_filter_chain_match)",
    r"listener\..*\.ssl\.(handshake|connection_error|fail_.*)",
    r".*\.rbac\.(allowed|denied|shadow_denied)",
    r".*local_rate_limit\..*rate_limited",
    r"http\..*\.fault\.(aborts|delays)_injected",
    r"tcp\..*\.downstream_cx_(total|no_route)",
    r"udp\..*\.downstream_sess_(total|active|no_route)",
    r"connection_limit\..*\.limited_connections",
)

_TAGS = {
    "envoy.cluster_name": r"^cluster\.((.*?)\.)(?:upstream|membership|update)_",
    "envoy.http_conn_manager_prefix": r"^http\.((.*?)\.)(?:downstream_|no_|scoped_rds\.)",
    "envoy.response_code_class": r"_rq_((\d)xx)$",
}


_DURATIONS = r"http\..*\.downstream_rq_time"
_DURATIONS_OF_SIDECARS = r"http\.inbound/.*\.downstream_rq_time"
"""A request through the mesh is timed once, where it is answered."""


def figures_of_cluster(name: str) -> dict[str, Any]:
    """envoy.config.metrics.v3.StatsMatcher of one cluster, in place of that of the whole proxy.

    Envoy remembers the name of each figure that a pattern does not let through, 3 KB for each cluster in use.
    With nothing but prefixes that end at a dot it need not; a whole name and a dot is such a prefix. For
    proxies that do not count answers by class (`filters/router.py`), since those are not among them, and
    whoever counts with each request tries all prefixes each time.
    """
    patterns = [{"prefix": f"cluster.{name}.{figure}."} for figure in _OF_CLUSTERS]
    return {"inclusion_list": {"patterns": patterns}}


def stats_config(*, sidecar: bool = False) -> dict[str, Any]:
    """envoy.config.metrics.v3.StatsConfig"""
    patterns = (*_PATTERNS, _DURATIONS_OF_SIDECARS if sidecar else _DURATIONS)
    return {
        "stats_matcher": {
            "inclusion_list": {
                "patterns": [{"safe_regex": {"regex": pattern}} for pattern in patterns],
            }
        },
        "use_all_default_tags": {"value": False},
        "stats_tags": [{"tag_name": name, "regex": regex} for name, regex in _TAGS.items()],
    }
