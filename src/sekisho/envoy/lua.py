"""Lua filters: fixed programs, told apart by name; nothing a user wrote ever becomes part of one."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sekisho.envoy.building import extension, new
from sekisho.protos import pack

_PER_ROUTE = "envoy.extensions.filters.http.lua.v3.LuaPerRoute"


def lua_filter(name: str, *, default: str = "", named: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An HttpFilter that runs `default`, or what a route chooses of `named`, or nothing."""
    fields: dict[str, Any] = {
        "source_codes": {key: {"inline_string": source} for key, source in (named or {}).items()}
    }
    if default:
        fields["default_source_code"] = {"inline_string": default}
    return extension(name, "envoy.extensions.filters.http.lua.v3.Lua", **fields)


@cache
def lua_disabled() -> Any:
    """Per-route settings: do not run."""
    return pack(new(_PER_ROUTE, disabled=True))


@cache
def lua_named(name: str) -> Any:
    """Per-route settings: run this one of the filter's named programs (no interpreter of its own)."""
    return pack(new(_PER_ROUTE, name=name))
