"""Gives a request whose host has no scope of its own to the wildcard hostnames of its table.

Runs only when no scope matched, which Envoy decides again after `lowercase` changed the key.
"""

from typing import Any

from sekisho.envoy.lua import lua_filter
from sekisho.envoy.scope_keys import HEADER, SEPARATOR, WILDCARD

NAME = "sekisho.wildcard"

SOURCE = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  local table_and_separator = string.match(headers:get("{HEADER}"), "^[^{SEPARATOR}]*{SEPARATOR}")
  headers:replace("{HEADER}", table_and_separator .. "{WILDCARD}")
  handle:clearRouteCache()
end
"""


def http_filter() -> dict[str, Any]:
    return lua_filter(NAME, default=SOURCE)
