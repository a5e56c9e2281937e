"""Cuts the port out of the host that a redirect repeats; Envoy alone would keep it.

Only for redirects that keep a host known by wildcard only; does nothing for other routes.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sekisho.envoy.lua import lua_filter, lua_named

NAME = "sekisho.location"

_WITHOUT_PORT = "without_port"

SOURCE = """
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:replace(":authority", (string.gsub(headers:get(":authority") or "", ":%d*$", "")))
end
"""


def http_filter() -> dict[str, Any]:
    return lua_filter(NAME, named={_WITHOUT_PORT: SOURCE})


@cache
def without_port() -> Mapping[str, Any]:
    """Per-route settings of such a redirect."""
    return {NAME: lua_named(_WITHOUT_PORT)}
