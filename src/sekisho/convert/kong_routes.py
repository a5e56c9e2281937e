"""What a route of Kong asks of requests, and what it makes of their path and host."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from sekisho.convert import objects
from sekisho.kit.addresses import is_address


def matches(route: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every path with every method; of each header one of its values."""
    wanted = {name: values for name, values in (route.get("headers") or {}).items() if values}
    for path, method, *values in product(
        route.get("paths") or ["/"], route.get("methods") or [""], *wanted.values()
    ):
        headers = [_header(name, str(value)) for name, value in zip(wanted, values, strict=True)]
        yield objects.present({"path": _path(path), "method": method, "headers": headers})


def _header(name: str, value: str) -> dict[str, str]:
    """`~*` begins a regular expression."""
    if value.startswith("~*"):
        return {"name": name, "value": value[2:], "type": "RegularExpression"}
    return {"name": name, "value": value}


def one_range(written: str) -> str:
    """An address alone is a range of one."""
    if not is_address(written):
        return written
    return f"{written}/{ip_address(written).max_prefixlen}"


def _path(text: str) -> dict[str, str]:
    """`~` begins a regular expression, of which the beginning has to match."""
    if text.startswith("~"):
        return {
            "type": "RegularExpression",
            "value": text[1:].removeprefix("^").removesuffix("$") + ("" if text.endswith("$") else ".*"),
        }
    return {"type": "PathPrefix", "value": text.rstrip("/") or "/"}


def strip(service: Mapping[str, Any], route: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Kong takes the path that matched away, unless told otherwise, and puts the service's own before it."""
    own = service.get("path") or urlsplit(service.get("url") or "").path or "/"
    paths = route.get("paths") or []
    if route.get("strip_path") is False or not any(not one.startswith("~") for one in paths):
        return []
    rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": own.rstrip("/") or "/"}}
    return [{"type": "URLRewrite", "urlRewrite": rewrite}]


def with_host(filters: list[dict[str, Any]], host: str) -> list[dict[str, Any]]:
    rewrite: dict[str, Any] = {"type": "URLRewrite", "urlRewrite": {}}
    for one in filters:
        if one["type"] == "URLRewrite":
            rewrite = one
    rewrite["urlRewrite"]["hostname"] = host
    return [rewrite, *(one for one in filters if one is not rewrite)]
