"""RedirectAction: answer with another place."""

from collections.abc import Mapping
from typing import Any

from sekisho import ir
from sekisho.envoy.filters import programs
from sekisho.envoy.path_rewrite import prefix_rewrite

_RESPONSE_CODES = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def redirect_action(wanted: ir.Redirect, matched: ir.PathMatch, hostname: str) -> dict[str, Any]:
    """envoy.config.route.v3.RedirectAction"""
    return {
        "response_code": _RESPONSE_CODES[wanted.status],
        "scheme_redirect": wanted.scheme,
        "host_redirect": wanted.host or ("" if _repeats_host(wanted, hostname) else hostname),
        "port_redirect": wanted.port,
        **_path(wanted.path, matched),
    }


def redirect_filters(wanted: ir.Redirect, hostname: str) -> Mapping[str, Any]:
    """Per-route settings. Envoy keeps the port of the Host header when it repeats the host."""
    return programs.without_port() if _repeats_host(wanted, hostname) else {}


def _repeats_host(wanted: ir.Redirect, hostname: str) -> bool:
    return not wanted.host and "*" in hostname


def _path(wanted: ir.ReplaceFullPath | ir.ReplacePrefix | None, matched: ir.PathMatch) -> dict[str, Any]:
    match wanted:
        case None:
            return {}
        case ir.ReplaceFullPath(path):
            return {"path_redirect": path}
        case ir.ReplacePrefix(prefix):
            return prefix_rewrite(matched, prefix)
