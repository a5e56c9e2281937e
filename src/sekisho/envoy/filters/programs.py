"""One Lua filter for what few routes need and Envoy cannot be told otherwise; most have it do nothing.

A redirect that repeats a host known by wildcard only leaves the port out, which Envoy alone would keep. And a
caller whose answer would have been tried again, had the budget of retries allowed it, is answered 503
(RetryConstraint of XBackendTrafficPolicy), where Envoy alone gives the last answer of the server.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sekisho.envoy.lua import lua_filter, lua_named

NAME = "sekisho.programs"
FLAGS_HEADER = "x-sekisho-flags"
"""Added to answers of servers with a budget of retries, and taken off before anybody sees it: Envoy's flags
of the request, which Lua cannot ask for."""

_WITHOUT_PORT, _WITHIN_BUDGET = "without_port", "within_budget"
_OVERFLOW = "UO"
"""Flag of an answer from a server that a breaker or the budget kept from being tried again."""
_ABOUT_CONTENT = '"content-encoding", "content-language", "content-type", "etag", "last-modified"'
"""Names of headers, as in a table of Lua."""

_SOURCES = {
    _WITHOUT_PORT: """
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:replace(":authority", (string.gsub(headers:get(":authority") or "", ":%d*$", "")))
end
""",
    _WITHIN_BUDGET: f"""
function envoy_on_response(handle)
  local headers = handle:headers()
  local flags = headers:get("{FLAGS_HEADER}")
  headers:remove("{FLAGS_HEADER}")
  if not flags or not string.find(flags, "{_OVERFLOW}", 1, true) then
    return
  end
  if headers:get("grpc-status") then
    headers:replace("grpc-status", "14")
    headers:remove("grpc-message")
    return
  end
  headers:replace(":status", "503")
  for _, name in ipairs({{ {_ABOUT_CONTENT} }}) do
    headers:remove(name)
  end
  headers:replace("content-length", "0")
  for chunk in handle:bodyChunks() do
    chunk:setBytes("")
  end
end
""",
}
"""Of calls, the status is UNAVAILABLE (14), as which gRPC knows 503."""


def http_filter() -> dict[str, Any]:
    return lua_filter(NAME, named=_SOURCES)


@cache
def without_port() -> Mapping[str, Any]:
    """Per-route settings of a redirect that repeats a host known by wildcard only."""
    return {NAME: lua_named(_WITHOUT_PORT)}


@cache
def within_budget() -> Mapping[str, Any]:
    """Per-route settings where answers may have `FLAGS_HEADER`."""
    return {NAME: lua_named(_WITHIN_BUDGET)}
