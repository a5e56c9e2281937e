"""Kong Gateway: its declarative file (`_format_version`), services with their routes and plugins."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sekisho.convert import objects
from sekisho.convert.kong_plugins import FILTERS, HARMLESS, POLICIES
from sekisho.convert.kong_routes import matches, one_range, strip, with_host
from sekisho.convert.result import Converted, Object, Report
from sekisho.kit.addresses import is_address

_NAMESPACE = "default"
_GATEWAY = "kong"
_HTTPS = "https"
_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
_PLAIN, _SECURE = frozenset({"http", "grpc"}), frozenset({_HTTPS, "grpcs"})
_REDIRECTS = (301, 302, 307, 308)
_INTERVALS = {"second": "1s", "minute": "1m", "hour": "1h"}
_CONDITIONS = ("sources", "destinations", "expression")
"""Fields of a route that say who is let in, and have no like here."""
_SERVICE = frozenset(
    {"name", "host", "port", "protocol", "path", "url", "enabled", "connect_timeout", "read_timeout",
     "routes", "plugins"}
)  # fmt: skip
_ROUTE = frozenset(
    {"name", "protocols", "methods", "hosts", "paths", "headers", "strip_path", "preserve_host", "plugins",
     "https_redirect_status_code", "service", *_CONDITIONS}
)  # fmt: skip
"""Fields that are converted, or told of in words of their own."""
_BOOKKEEPING = frozenset({"id", "tags", "created_at", "updated_at", "ws_id"})


def kong(documents: Sequence[Object]) -> Converted:
    """Files as `deck gateway dump` writes them. Everything comes into one namespace and one Gateway."""
    report = Report()
    for number, document in enumerate(documents):
        if "_format_version" not in document:
            report.note(number, "", "is no declarative file of Kong: expected _format_version")
            continue
        _File(report, number, document).convert()
    return report.done()


class _File:
    """One of them."""

    def __init__(self, report: Report, number: int, document: Object) -> None:
        self._report, self._number, self._document = report, number, document
        self._upstreams = {one.get("name"): one for one in document.get("upstreams") or ()}
        self._secure: list[str] = []
        """Names of the listeners with TLS."""

    def convert(self) -> None:
        self._report.add(self._number, objects.gateway(_NAMESPACE, _GATEWAY, self._listeners()))
        for index, service in enumerate(self._document.get("services") or ()):
            self._service(f"services[{index}]", service)
        for field in ("consumers", "consumer_groups", "vaults", "routes", "ca_certificates"):
            if self._document.get(field):
                self._note(field, "is not converted")
        for index, plugin in enumerate(self._document.get("plugins") or ()):
            self._note(f"plugins[{index}]", f"{plugin.get('name')} for all routes: write it for the Gateway")

    def _listeners(self) -> list[dict[str, Any]]:
        """Those with TLS are called in `_secure`, too."""
        found = [objects.http_listener()]
        for index, certificate in enumerate(self._document.get("certificates") or ()):
            self._note(
                f"certificates[{index}]",
                "bring it as a Secret of type kubernetes.io/tls; keys are not printed",
            )
            for entry in certificate.get("snis") or ():
                host = str(entry.get("name"))
                name = host.replace("*", "any").replace(".", "-")
                found.append(objects.https_listener(name, host, f"{name}-tls"))
                self._secure.append(name)
        return found

    def _service(self, path: str, service: Mapping[str, Any]) -> None:
        if service.get("enabled") is False:
            self._note(path, "is switched off, and left out")
            return
        name = _name(service.get("name") or service.get("host") or "service")
        self._note_unread(path, service, _SERVICE)
        backend = self._backend(path, name, service)
        for index, route in enumerate(service.get("routes") or ()):
            made = f"{path}.routes[{index}]"
            plugins = [*(route.get("plugins") or ()), *(service.get("plugins") or ())]
            self._route(made, _name(route.get("name") or f"{name}-{index}"), service, route, plugins, backend)

    def _backend(self, path: str, name: str, service: Mapping[str, Any]) -> dict[str, Any]:
        """Addresses become a Service with an EndpointSlice, host names an ExternalService."""
        parts = urlsplit(service.get("url") or "")
        protocol = service.get("protocol") or parts.scheme or "http"
        host = service.get("host") or parts.hostname or ""
        port = service.get("port") or parts.port or _PORTS.get(protocol, 80)
        targets = self._targets(path, str(host), int(port))
        is_secure = protocol in {_HTTPS, "grpcs"}
        if is_secure or not all(is_address(address) for address, _, _ in targets):
            return self._outside(name, protocol, int(port), targets, is_secure=is_secure)
        self._add("v1", "Service", name, {"ports": [{"name": protocol, "port": int(port)}]})
        for index, (address, number, _) in enumerate(targets):
            slice_ = {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{name}-{index}", "namespace": _NAMESPACE,
                    "labels": {"kubernetes.io/service-name": name},
                },
                "addressType": "IPv6" if ":" in address else "IPv4",
                "endpoints": [{"addresses": [address]}],
                "ports": [{"name": protocol, "port": number}],
            }  # fmt: skip
            self._report.add(self._number, slice_)
        return {"name": name, "port": int(port)}

    def _outside(
        self, name: str, protocol: str, port: int, targets: Sequence[tuple[str, int, int]], *, is_secure: bool
    ) -> dict[str, Any]:
        speaks = "grpc" if protocol.startswith("grpc") else "http"
        spec: dict[str, Any] = {
            "match": {"port": port, "protocol": speaks},
            "endpoints": [{"address": address, "port": number} for address, number, _ in targets],
            "tls": {"enabled": True} if is_secure else {},
        }
        self._add(objects.SEKISHO, "ExternalService", name, spec)
        return {"group": "sekisho.dev", "kind": "ExternalService", "name": name, "port": port}

    def _targets(self, path: str, host: str, port: int) -> list[tuple[str, int, int]]:
        """Address, port and weight: of the upstream of this name, or the host itself."""
        upstream = self._upstreams.get(host)
        if upstream is None:
            return [(host, port, 1)]
        self._note_unread(f"upstream {host}", upstream, frozenset({"name", "targets"}))
        found = []
        for one in upstream.get("targets") or ():
            address, _, number = str(one.get("target", "")).rpartition(":")
            found.append((address or number, int(number) if address else port, int(one.get("weight", 100))))
        if len({weight for _, _, weight in found}) > 1:
            self._note(path, f"targets of {host} have weights: give them to Workloads (spec.weight)")
        return found

    def _route(
        self,
        path: str,
        name: str,
        service: Mapping[str, Any],
        route: Mapping[str, Any],
        plugins: Sequence[Mapping[str, Any]],
        backend: Mapping[str, Any],
    ) -> None:
        self._note_unread(path, route, _ROUTE)
        spoken = frozenset(route.get("protocols") or (*_PLAIN, *_SECURE))
        if not spoken & (_PLAIN | _SECURE):
            self._note(f"{path}.protocols", "left out: write a TCPRoute, TLSRoute or UDPRoute")
            return
        filters = [*strip(service, route), *self._filters(path, plugins)]
        host = str(service.get("host") or urlsplit(service.get("url") or "").hostname or "")
        if route.get("preserve_host") is not True and host not in self._upstreams and not is_address(host):
            filters = with_host(filters, host)
        closed = [*self._closing(plugins), *(one for one in _CONDITIONS if route.get(one))]
        for one in closed:
            self._note(path, f"{one} is not converted: the route is closed (500) until you let callers in")
        answered = {} if closed else {"filters": filters, "backendRefs": [dict(backend)]}
        # A rule for each match: a prefix can be taken away only where there is one.
        rules = [{"matches": [one], **answered} for one in matches(route)]
        spec = {
            "parentRefs": self._parents(path, name, spoken, route),
            "hostnames": list(route.get("hosts") or ()),
            "rules": [objects.present(rule) for rule in rules],
        }
        self._add(objects.GATEWAY_API, "HTTPRoute", name, spec)
        self._policies(path, name, service, plugins)

    def _parents(
        self, path: str, name: str, spoken: frozenset[str], route: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The whole Gateway, or its listeners with TLS where nothing else is to be spoken."""
        if spoken & _PLAIN:
            return [{"name": _GATEWAY}]
        if not self._secure:
            self._note(f"{path}.protocols", "is for HTTPS alone: give the Gateway a listener called https")
        if (status := route.get("https_redirect_status_code")) in _REDIRECTS:
            spec = {
                "parentRefs": [{"name": _GATEWAY, "sectionName": "http"}],
                "hostnames": list(route.get("hosts") or ()),
                "rules": [
                    {"matches": [one], "filters": [objects.redirect(scheme=_HTTPS, statusCode=status)]}
                    for one in matches(route)
                ],
            }
            self._add(objects.GATEWAY_API, "HTTPRoute", f"{name}-to-https", spec)
        return [{"name": _GATEWAY, "sectionName": one} for one in self._secure or [_HTTPS]]

    def _closing(self, plugins: Sequence[Mapping[str, Any]]) -> list[str]:
        known = POLICIES | HARMLESS | FILTERS.keys()
        names = {str(one.get("name")) for one in self._for_all(plugins)}
        return [f"plugin {one}" for one in sorted(names - known)]

    def _for_all(self, plugins: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Plugins of a route, and those of the whole file; without those that are switched off."""
        for one in (*plugins, *(self._document.get("plugins") or ())):
            if one.get("enabled") is not False:
                yield one

    def _filters(self, path: str, plugins: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        for plugin in plugins:
            name, config = str(plugin.get("name")), plugin.get("config") or {}
            if name in FILTERS:
                yield from FILTERS[name](config)
            elif name in HARMLESS:
                self._note(path, f"plugin {name} is not converted")

    def _policies(
        self, path: str, name: str, service: Mapping[str, Any], plugins: Sequence[Mapping[str, Any]]
    ) -> None:
        connect, read = service.get("connect_timeout"), service.get("read_timeout")
        times = objects.present(
            {
                "connectionTimeout": f"{connect}ms" if connect else "",
                "http": {"streamIdleTimeout": f"{read}ms"} if read else {},
            }
        )
        if times:
            self._policy("Timeout", name, times)
        for plugin in plugins:
            if plugin.get("name") == "rate-limiting":
                self._limit(path, name, plugin.get("config") or {})
        self._ranges(name, [one.get("config") or {} for one in self._of_name("ip-restriction", plugins)])

    def _of_name(self, name: str, plugins: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        return (one for one in self._for_all(plugins) if one.get("name") == name)

    def _ranges(self, route: str, restrictions: Sequence[Mapping[str, Any]]) -> None:
        """Who may call, by address. Of several such plugins Kong runs the most special: the first here."""
        if not restrictions:
            return
        allowed, denied = (
            [one_range(one) for one in restrictions[0].get(field) or ()] for field in ("allow", "deny")
        )
        default: dict[str, Any] = {"allow": [{"sourceRanges": allowed} if allowed else {}]}
        default |= {"deny": [{"sourceRanges": denied}]} if denied else {}
        spec = {"rules": [{"default": default}]}
        self._report.add(self._number, objects.for_route("TrafficPermission", _NAMESPACE, route, spec))

    def _limit(self, path: str, name: str, config: Mapping[str, Any]) -> None:
        """The shortest of its times; there is one bucket for a route."""
        asked = [unit for unit in ("second", "minute", "hour", "day", "month", "year") if config.get(unit)]
        for unit in asked[1:] if asked[:1] and asked[0] in _INTERVALS else asked:
            self._note(path, f"rate-limiting by {unit} is not converted")
        if asked and asked[0] in _INTERVALS:
            self._note(path, "rate-limiting counts by caller in Kong; here one bucket is for all callers")
            rate = {"num": int(config[asked[0]]), "interval": _INTERVALS[asked[0]]}
            self._policy("RateLimit", name, {"local": {"http": {"requestRate": rate}}})

    def _policy(self, kind: str, route: str, default: Mapping[str, Any]) -> None:
        spec = {"to": [{"targetRef": {"kind": "Mesh"}, "default": dict(default)}]}
        self._report.add(self._number, objects.for_route(kind, _NAMESPACE, route, spec))

    def _add(self, version: str, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        self._report.add(self._number, objects.resource(version, kind, _NAMESPACE, name, spec))

    def _note_unread(self, path: str, written: Mapping[str, Any], known: frozenset[str]) -> None:
        self._report.note_unread(self._number, path, written, known | _BOOKKEEPING)

    def _note(self, path: str, message: str) -> None:
        self._report.note(self._number, path, message)


def _name(text: str) -> str:
    """A name for resources: lower case, of letters, digits and dashes."""
    kept = "".join(one if one.isascii() and one.isalnum() else "-" for one in text.lower())
    return kept.strip("-")[:63] or "unnamed"
