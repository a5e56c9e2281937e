"""What annotations of ingress-nginx say of requests: filters of a rule, and policies of its route.

An annotation that lets only some callers in, and cannot be said here, closes the rule: what was protected is
never open because it was converted.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sekisho.convert import objects
from sekisho.convert.annotations import Annotations

_METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]
"""nginx's own defaults for CORS."""
_HEADERS = [
    "DNT", "Keep-Alive", "User-Agent", "X-Requested-With", "If-Modified-Since", "Cache-Control",
    "Content-Type", "Range", "Authorization",
]  # fmt: skip
_CLOSING = {
    "auth-type": "callers with passwords",
    "auth-tls-secret": "callers with certificates: write spec.tls.frontend of the Gateway",
    "enable-modsecurity": "what the firewall lets pass",
    "enable-owasp-core-rules": "what the firewall lets pass",
    "modsecurity-snippet": "what the firewall lets pass",
}
"""Annotations that let some callers in, and whom."""
_SNIPPETS = ("configuration-snippet", "server-snippet", "auth-snippet")
_REFUSES = re.compile(r"\b(?:allow|deny|satisfy|auth_\w+|secure_link\w*|limit_except|return\s+4\d\d)\b")
"""Directives of nginx that send somebody away."""
_CLOSED = "is not converted: the rule is closed (500) until you let in"
_IN_CLUSTER = ("svc", "svc.cluster.local")
_TIMES = ("proxy-connect-timeout", "proxy-read-timeout", "proxy-send-timeout")


def filters_of(annotations: Annotations, path: str) -> list[dict[str, Any]]:
    """In the order in which they work."""
    redirected = _redirect(annotations)
    if redirected:
        return [redirected]
    changes = [*_rewrite(annotations, path), *_headers(annotations)]
    return [*_auth(annotations), *changes, *_cors(annotations), *_mirror(annotations)]


def is_closed(annotations: Annotations) -> bool:
    """Whether callers are let in by something that cannot be said here; each is noted."""
    closing = [name for name in _CLOSING if annotations.text(name) not in ("", "false")]
    for name in closing:
        annotations.note(name, f"{_CLOSED} {_CLOSING[name]}")
    asked = annotations.text("auth-url")
    if asked and not _service_of(asked):
        closing.append("auth-url")
        told = f"{_CLOSED} callers by ExternalAuth: {asked} is no Service of the cluster"
        annotations.note("auth-url", told)
    for name in _SNIPPETS:
        if _REFUSES.search(annotations.text(name)):
            closing.append(name)
            annotations.note(name, f"{_CLOSED} whom it lets in")
        elif annotations.text(name):
            annotations.note(name, "is not converted")
    return bool(closing)


def limits_addresses(annotations: Annotations) -> bool:
    """Whether only some addresses may call: a policy of the route says so, where routes may have one."""
    return bool(_ranges(annotations))


def session_of(annotations: Annotations) -> dict[str, Any]:
    """How callers stay with an instance: `sessionPersistence` of a rule; empty for not at all."""
    kind = annotations.text("affinity")
    if not kind:
        return {}
    if kind != "cookie":
        annotations.note("affinity", f"{kind} is not converted")
        return {}
    found: dict[str, Any] = {"sessionName": annotations.text("session-cookie-name") or "INGRESSCOOKIE"}
    if seconds := annotations.number("session-cookie-max-age"):
        found |= {"absoluteTimeout": f"{seconds}s", "cookieConfig": {"lifetimeType": "Permanent"}}
    return found


def policies_of(annotations: Annotations, namespace: str, route: str) -> Iterator[dict[str, Any]]:
    """Timeouts, retries and limits of a route, and the addresses it may be called from."""
    if ranges := _ranges(annotations):
        yield objects.for_route("TrafficPermission", namespace, route, {"rules": [{"default": ranges}]})
    if times := _times(annotations):
        yield objects.for_route("Timeout", namespace, route, _to_all(times))
    if tries := annotations.number("proxy-next-upstream-tries"):
        retry = {"http": {"numRetries": max(tries - 1, 0), "retryOn": ["ConnectFailure", "RefusedStream"]}}
        yield objects.for_route("Retry", namespace, route, _to_all(retry))
    for name, interval in (("limit-rps", "1s"), ("limit-rpm", "1m")):
        if rate := annotations.number(name):
            annotations.note(name, "nginx counts by client address; here one bucket is for all callers")
            limit = {"local": {"http": {"requestRate": {"num": rate, "interval": interval}}}}
            yield objects.for_route("RateLimit", namespace, route, _to_all(limit))
            return


def _ranges(annotations: Annotations) -> dict[str, Any]:
    """Who may call, by address."""
    listed = [annotations.listed(f"{name}-source-range") for name in ("whitelist", "allowlist", "denylist")]
    allowed, denied = [*listed[0], *listed[1]], listed[2]
    if not allowed and not denied:
        return {}
    found: dict[str, Any] = {"allow": [{"sourceRanges": allowed} if allowed else {}]}
    return found | ({"deny": [{"sourceRanges": denied}]} if denied else {})


def _to_all(default: dict[str, Any]) -> dict[str, Any]:
    return {"to": [{"targetRef": {"kind": "Mesh"}, "default": default}]}


def _times(annotations: Annotations) -> dict[str, Any]:
    connect, read, send = (annotations.number(name) for name in _TIMES)
    found: dict[str, Any] = {"connectionTimeout": f"{connect}s"} if connect else {}
    if idle := max(read, send):
        found["http"] = {"streamIdleTimeout": f"{idle}s"}
    return found


def _redirect(annotations: Annotations) -> dict[str, Any] | None:
    for name, usual in (("permanent-redirect", 301), ("temporal-redirect", 302)):
        if target := annotations.text(name):
            parts = urlsplit(target)
            path = {"type": "ReplaceFullPath", "replaceFullPath": parts.path} if parts.path else None
            code = annotations.number(f"{name}-code") or usual
            return objects.redirect(
                scheme=parts.scheme, hostname=parts.hostname, port=parts.port, path=path, statusCode=code
            )
    return None


def _rewrite(annotations: Annotations, path: str) -> Iterator[dict[str, Any]]:
    target, host = annotations.text("rewrite-target"), annotations.text("upstream-vhost")
    written: dict[str, Any] = {"hostname": host} if host else {}
    if target == "/$2" or (target == "/$1" and path == "/"):
        written["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    elif "$" in target:
        annotations.note("rewrite-target", f"{target}: only /$2 behind (/|$)(.*) is converted")
    elif target:
        written["path"] = {"type": "ReplaceFullPath", "replaceFullPath": target}
    if written:
        yield {"type": "URLRewrite", "urlRewrite": written}


def _headers(annotations: Annotations) -> Iterator[dict[str, Any]]:
    names = {"x-forwarded-prefix": "X-Forwarded-Prefix", "connection-proxy-header": "Connection"}
    found = {header: annotations.text(name) for name, header in names.items() if annotations.text(name)}
    if found:
        yield objects.set_headers("Request", found)


def _cors(annotations: Annotations) -> Iterator[dict[str, Any]]:
    if not annotations.flag("enable-cors"):
        return
    cors = {
        "allowOrigins": annotations.listed("cors-allow-origin") or ["*"],
        "allowMethods": annotations.listed("cors-allow-methods") or _METHODS,
        "allowHeaders": annotations.listed("cors-allow-headers") or _HEADERS,
        "exposeHeaders": annotations.listed("cors-expose-headers"),
        "allowCredentials": annotations.flag("cors-allow-credentials", default=True),
        "maxAge": annotations.number("cors-max-age") or 1728000,
    }
    yield {"type": "CORS", "cors": objects.present(cors)}


def _auth(annotations: Annotations) -> Iterator[dict[str, Any]]:
    """A Service of the cluster that is asked before (`auth-url`)."""
    asked = annotations.text("auth-url")
    if not asked or not (service := _service_of(asked)):
        return
    parts = urlsplit(asked)
    message = "asks with the path of the request behind this one, and takes 200 alone for yes"
    annotations.note("auth-url", message)
    http = objects.present(
        {
            "path": parts.path.rstrip("/"),
            "allowedHeaders": ["Cookie"],
            "allowedResponseHeaders": annotations.listed("auth-response-headers") or ["Set-Cookie"],
        }
    )
    backend = {"name": service[0], "namespace": service[1], "port": parts.port or 80}
    yield {"type": "ExternalAuth", "externalAuth": {"protocol": "HTTP", "backendRef": backend, "http": http}}


def _service_of(url: str) -> tuple[str, str] | None:
    """Name and namespace of the Service a URL leads to; None for anything else."""
    parts = urlsplit(url)
    name, _, rest = (parts.hostname or "").partition(".")
    namespace, _, domain = rest.partition(".")
    is_plain = parts.scheme == "http" and "$" not in url
    return (name, namespace) if is_plain and namespace and domain in _IN_CLUSTER else None


def _mirror(annotations: Annotations) -> Iterator[dict[str, Any]]:
    """To a Service of the same namespace, as `http://name.namespace.svc.cluster.local:port/…`."""
    target = annotations.text("mirror-target")
    if not target:
        return
    parts = urlsplit(target)
    service = (parts.hostname or "").split(".")
    if len(service) < 2 or "$" in parts.netloc:  # noqa: PLR2004 - name and namespace
        annotations.note("mirror-target", "is no Service of the cluster: not converted")
        return
    backend = {"name": service[0], "port": parts.port or 80}
    yield {"type": "RequestMirror", "requestMirror": {"backendRef": backend}}
