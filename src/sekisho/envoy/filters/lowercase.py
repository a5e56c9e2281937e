"""Looks up the scope again for a host written with capitals, because scope keys are compared byte by byte.

Runs only when no scope matched. Also refuses an `:authority` with a comma: that is how Envoy joins two Host
headers, and no two parties agree which of them counts.
"""

from typing import Any

from sekisho.envoy.lua import lua_filter
from sekisho.envoy.scope_keys import HEADER, SEPARATOR

NAME = "sekisho.lowercase"

SOURCE = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  local authority = headers:get(":authority") or ""
  if string.find(authority, ",", 1, true) then
    handle:respond({{[":status"] = "400"}}, "more than one Host\\n")
    return
  end
  local lowered = string.lower(authority)
  if lowered ~= authority then
    local table_and_separator = string.match(headers:get("{HEADER}"), "^[^{SEPARATOR}]*{SEPARATOR}")
    headers:replace("{HEADER}", table_and_separator .. lowered)
    handle:clearRouteCache()
  end
end
"""


def http_filter() -> dict[str, Any]:
    return lua_filter(NAME, default=SOURCE)
