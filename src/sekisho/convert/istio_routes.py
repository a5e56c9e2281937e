"""Istio's VirtualServices as routes of the Gateway API, for Gateways and for Services as parents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sekisho.convert import objects
from sekisho.convert.result import Object, Report
from sekisho.kit import durations

_MESH = "mesh"
_CLUSTER = ".svc.cluster.local"


class Service(NamedTuple):
    """A Service of the cluster."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the documents beside one say of Services, and of Gateways of Istio."""

    services: Mapping[Service, Mapping[str, Any]]
    doors: Mapping[tuple[str, str], Mapping[str, str]]
    """By namespace and name: the labels of the proxies that a Gateway is for."""

    @classmethod
    def of(cls, documents: Sequence[Object]) -> "Known":
        found: dict[Service, Mapping[str, Any]] = {}
        doors: dict[tuple[str, str], Mapping[str, str]] = {}
        for one in documents:
            metadata, spec = one.get("metadata") or {}, one.get("spec") or {}
            place = Service(metadata.get("namespace") or "default", metadata.get("name", ""))
            if one.get("kind") == "Service" and one.get("apiVersion") == "v1":
                found[place] = spec
            elif one.get("kind") == "Gateway":
                doors[place.namespace, place.name] = spec.get("selector") or {}
        return cls(found, doors)

    def gateways(self, labels: Mapping[str, str]) -> list[tuple[str, str]]:
        """Namespace and name of those whose proxies have these labels."""
        return [place for place, selected in self.doors.items() if labels.items() <= selected.items()]

    def service(self, host: str, namespace: str) -> Service | None:
        """`reviews`, `reviews.shop`, `reviews.shop.svc.cluster.local`; None for another host."""
        parts = host.removesuffix(_CLUSTER).removesuffix(".svc").split(".")
        if not host or "*" in host or len(parts) > 2:  # noqa: PLR2004 - name and namespace
            return None
        is_whole = host.endswith(_CLUSTER)
        found = Service(parts[1] if len(parts) > 1 else namespace, parts[0])
        return found if len(parts) == 1 or is_whole or found in self.services else None

    def spec_of(self, service: Service) -> Mapping[str, Any] | None:
        """None where it is not among the documents."""
        return self.services.get(service)

    def port(self, service: Service) -> int | None:
        """Its only port, where that is known."""
        ports = (self.services.get(service) or {}).get("ports") or []
        return int(ports[0]["port"]) if len(ports) == 1 else None


def virtual_service(report: Report, number: int, document: Object, known: Known) -> None:
    """Its http, tls and tcp parts, each a route."""
    spec, metadata = document.get("spec") or {}, document.get("metadata") or {}
    namespace, name = metadata.get("namespace") or "default", metadata.get("name", "unnamed")
    made = _Made(report, number, known, namespace)
    parents, hostnames = made.parents(spec)
    for kind, field in (("HTTPRoute", "http"), ("TLSRoute", "tls"), ("TCPRoute", "tcp")):
        entries = spec.get(field) or ()
        rules = [
            made.http_rule(f"spec.http[{index}]", one)
            if field == "http"
            else made.byte_rule(f"spec.{field}[{index}]", one)
            for index, one in enumerate(entries)
        ]
        if field == "tls":
            hostnames = [
                host
                for one in entries
                for match in one.get("match") or ()
                for host in match.get("sniHosts") or ()
            ] or hostnames
        if rules:
            names = [] if field == "tcp" else hostnames
            route = {"parentRefs": parents, "hostnames": names, "rules": rules}
            report.add(number, objects.resource(objects.GATEWAY_API, kind, namespace, name, route))


@dataclass(frozen=True, slots=True)
class _Made:
    """What is made of one VirtualService."""

    report: Report
    number: int
    known: Known
    namespace: str

    def parents(self, spec: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
        """Gateways by name; for `mesh` (the default) the Services among the hosts."""
        gateways = spec.get("gateways") or [_MESH]
        hosts = [host for host in spec.get("hosts") or () if host != "*"]
        parents: list[dict[str, Any]] = []
        for one in gateways:
            if one != _MESH:
                namespace, _, name = one.rpartition("/")
                parents.append(objects.present({"name": name, "namespace": namespace}))
                continue
            for host in hosts:
                service = self.known.service(host, self.namespace)
                if service is None:
                    self._note("spec.hosts", f"{host} is no Service: in the mesh, routes belong to Services")
                    continue
                parent = {
                    "group": "",
                    "kind": "Service",
                    "name": service.name,
                    "namespace": service.namespace,
                }
                parents.append(parent)
        return parents, [] if gateways == [_MESH] else hosts

    def http_rule(self, path: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """A rule of an HTTPRoute."""
        for field, advice in _NOT_CONVERTED.items():
            if entry.get(field):
                self._note(f"{path}.{field}", advice)
        self.report.note_unread(self.number, path, entry, _RULE | _NOT_CONVERTED.keys())
        rule = {
            "matches": [self._match(path, one) for one in entry.get("match") or ()],
            "filters": list(self._filters(path, entry)),
            "backendRefs": [] if entry.get("redirect") else self._backends(path, entry.get("route") or ()),
            "timeouts": {"request": _duration(entry["timeout"])} if entry.get("timeout") else {},
        }
        return objects.present(rule)

    def byte_rule(self, path: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """A rule of a TLSRoute or TCPRoute."""
        for match in entry.get("match") or ():
            for field in sorted(match.keys() - {"sniHosts"}):
                self._note(f"{path}.match.{field}", "is no condition of a route here")
        return {"backendRefs": self._backends(path, entry.get("route") or ())}

    def _match(self, path: str, written: Mapping[str, Any]) -> dict[str, Any]:
        known = {"uri", "headers", "queryParams", "method", "name"}
        for field in sorted(written.keys() - known):
            self._note(f"{path}.match.{field}", "is no condition of a route here")
        found: dict[str, Any] = {}
        if uri := written.get("uri"):
            kind, value = next(iter(uri.items()))
            kinds = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}
            found["path"] = {"type": kinds.get(kind, kind), "value": value}
        if method := (written.get("method") or {}).get("exact"):
            found["method"] = method
        found["headers"] = self._conditions(f"{path}.match.headers", written.get("headers") or {})
        found["queryParams"] = self._conditions(f"{path}.match.queryParams", written.get("queryParams") or {})
        return objects.present(found)

    def _conditions(self, path: str, written: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = []
        for name, how in written.items():
            kind, value = next(iter(how.items()), ("regex", ".*"))
            if kind == "exact":
                found.append({"name": name, "value": value})
            elif kind in {"regex", "prefix"}:
                text = value if kind == "regex" else f"{_quoted(value)}.*"
                found.append({"type": "RegularExpression", "name": name, "value": text})
            else:
                self._note(path, f"{name}: {kind} has no like here")
        return found

    def _filters(self, path: str, entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if redirect := entry.get("redirect"):
            uri = redirect.get("uri")
            target = {"type": "ReplaceFullPath", "replaceFullPath": uri} if uri else None
            yield objects.redirect(
                scheme=redirect.get("scheme"), hostname=redirect.get("authority"), port=redirect.get("port"),
                path=target, statusCode=redirect.get("redirectCode", 301),
            )  # fmt: skip
        if rewrite := entry.get("rewrite"):
            yield {"type": "URLRewrite", "urlRewrite": self._rewrite(path, entry, rewrite)}
        yield from _header_filters(entry.get("headers") or {})
        mirrors = entry.get("mirrors") or ([{"destination": entry["mirror"]}] if entry.get("mirror") else [])
        for mirror in mirrors:
            backend = self._backend(path, mirror.get("destination") or {})
            percent = (mirror.get("percentage") or entry.get("mirrorPercentage") or {}).get("value")
            if backend is not None:
                made = {"backendRef": backend, "percent": int(percent) if percent is not None else None}
                yield {"type": "RequestMirror", "requestMirror": objects.present(made)}
        if cors := entry.get("corsPolicy"):
            yield {"type": "CORS", "cors": self._cors(path, cors)}

    def _rewrite(self, path: str, entry: Mapping[str, Any], rewrite: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"hostname": rewrite.get("authority")}
        if uri := rewrite.get("uri"):
            by_prefix = any("prefix" in (one.get("uri") or {}) for one in entry.get("match") or ())
            kind = "ReplacePrefixMatch" if by_prefix else "ReplaceFullPath"
            found["path"] = {"type": kind, f"{kind[0].lower()}{kind[1:]}": uri}
        if rewrite.get("uriRegexRewrite"):
            self._note(f"{path}.rewrite.uriRegexRewrite", "rewriting by regular expression has no like here")
        return objects.present(found)

    def _cors(self, path: str, written: Mapping[str, Any]) -> dict[str, Any]:
        origins = list(written.get("allowOrigin") or ())
        for one in written.get("allowOrigins") or ():
            if "exact" in one:
                origins.append(one["exact"])
            else:
                self._note(f"{path}.corsPolicy.allowOrigins", "only exact origins, or with *, are converted")
        found = {
            key: written.get(key)
            for key in ("allowMethods", "allowHeaders", "exposeHeaders", "allowCredentials")
        }
        age = str(written.get("maxAge", "")).removesuffix("s")
        return objects.present(
            {"allowOrigins": origins, **found, "maxAge": int(age) if age.isdigit() else None}
        )

    def _backends(self, path: str, routes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        found = []
        for route in routes:
            backend = self._backend(path, route.get("destination") or {})
            if backend is None:
                continue
            filters = list(_header_filters(route.get("headers") or {}))
            more = {"weight": route.get("weight") if len(routes) > 1 else None, "filters": filters}
            found.append({**backend, **objects.present(more)})
        return found

    def _backend(self, path: str, destination: Mapping[str, Any]) -> dict[str, Any] | None:
        service = self.known.service(destination.get("host", ""), self.namespace)
        if service is None:
            self._note(path, f"{destination.get('host')} is no Service of the cluster")
            return None
        port = (destination.get("port") or {}).get("number") or self.known.port(service)
        if port is None:
            self._note(path, f"a port for {service.name}: routes name it here")
            return None
        subset = destination.get("subset")
        name = f"{service.name}-{subset}" if subset else service.name
        namespace = service.namespace if service.namespace != self.namespace else ""
        return objects.present({"name": name, "namespace": namespace, "port": port})

    def _note(self, path: str, message: str) -> None:
        self.report.note(self.number, path, message)


_RULE = frozenset(
    {"name", "match", "route", "redirect", "rewrite", "timeout", "headers", "mirror", "mirrors",
     "mirrorPercentage", "corsPolicy"}
)  # fmt: skip
_NOT_CONVERTED = {
    "retries": "write a Retry for the route, or spec.rules[].retry",
    "fault": "write a FaultInjection",
    "delegate": "put the rules into one route, or attach several to one parent",
    "directResponse": "a route that answers by itself has no like here",
}


def _header_filters(written: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for side, kind in (("request", "Request"), ("response", "Response")):
        said = written.get(side) or {}
        found = {
            verb: [{"name": name, "value": value} for name, value in (said.get(verb) or {}).items()]
            for verb in ("set", "add")
        }
        changes = objects.present({**found, "remove": list(said.get("remove") or ())})
        if changes:
            yield {"type": f"{kind}HeaderModifier", f"{side}HeaderModifier": changes}


def _quoted(text: str) -> str:
    return "".join(f"\\{one}" if one in r"\.+*?()|[]{}^$" else one for one in text)


def _duration(text: str) -> str:
    """`0.5s`, as Go writes it, is `500ms`; anything else stays, to be judged with the rest."""
    number, unit = text[:-1], text[-1:]
    if unit != "s" or number.count(".") != 1 or not number.replace(".", "").isdigit():
        return text
    return durations.format(round(float(number) * 1000))
