"""A small world of resources for tests: written as users write them, checked, and committed to an engine."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sekisho import ir
from sekisho.engine import Changes, Engine, Output
from sekisho.model.defaults import filled
from sekisho.model.document import check, engine_view
from sekisho.model.kinds import KINDS
from sekisho.model.names import ResourceId
from sekisho.translate.facts import SYNCED, Opened
from sekisho.translate.outputs import (
    CLUSTERS,
    ENDPOINTS,
    LISTENERS,
    OPENINGS,
    OUTPUTS,
    STATUSES,
    VIRTUAL_HOSTS,
    WILDCARD_TABLES,
)

Document = dict[str, Any]

NAMESPACE = "shop"
CONTROLLER = "sekisho.dev/gateway-controller"
EDGE = ResourceId("Gateway", NAMESPACE, "edge")


class World:
    """An engine with all outputs, and short ways to change and see it."""

    def __init__(self, *documents: Document) -> None:
        self.engine = Engine(OUTPUTS)
        self._has_proxy = False
        self.apply(gateway_class(), *documents)

    def apply(self, *documents: Document) -> Changes:
        return self.commit(leaves(documents))

    def remove(self, *resources: ResourceId) -> Changes:
        return self.commit(dict.fromkeys(resources))

    def commit(self, changed: Mapping[Any, Any]) -> Changes:
        """Where a proxy is in sync, it takes at once what is opened from then on."""
        changes = self._commit(changed)
        self._has_proxy = self._has_proxy or SYNCED in changed.values()
        if self._has_proxy:
            taken = {Opened.of(source): value for source, value in self.values(OPENINGS).items()}
            self._commit(taken)
        return changes

    def _commit(self, changed: Mapping[Any, Any]) -> Changes:
        changes = self.engine.commit(changed)
        for error in changes.failures.values():
            raise error
        return changes

    def values(self, output: Any) -> dict[Any, Any]:
        return {key: self.engine.value(output, key) for key in self.engine.keys(output)}

    def outputs(self) -> tuple[Output[Any], ...]:
        return OUTPUTS

    def listeners(self, gateway: ResourceId = EDGE) -> dict[str, ir.Listener]:
        return {name: value for (owner, name), value in self.values(LISTENERS).items() if owner == gateway}

    def host(self, hostname: str, table: str = "8080", gateway: ResourceId = EDGE) -> ir.VirtualHost | None:
        """The virtual host of exactly this hostname, exact or wildcard."""
        if hostname.startswith("*"):
            found: ir.WildcardTable = self.engine.value(WILDCARD_TABLES, (gateway, table))
            return next((host for host in found.hosts if host.hostname == hostname), None)
        exact: ir.VirtualHost | None = self.engine.value(VIRTUAL_HOSTS, (gateway, table, hostname))
        return exact

    def routes(self, hostname: str, table: str = "8080", gateway: ResourceId = EDGE) -> list[str]:
        """Names of the routes of a hostname in order of precedence."""
        found = self.host(hostname, table, gateway)
        assert found is not None, f"no virtual host {hostname} in table {table}"
        return [route.name for route in found.routes]

    def route(self, hostname: str = "*", table: str = "8080") -> ir.Route:
        """The only route of a hostname."""
        found = self.host(hostname, table)
        assert found is not None
        (only,) = found.routes
        return only

    def forward(self, hostname: str = "*") -> ir.Forward:
        action = self.route(hostname).action
        assert isinstance(action, ir.Forward), action
        return action

    def clusters(self, gateway: ResourceId = EDGE) -> dict[str, ir.Cluster]:
        return {name: value for (owner, name), value in self.values(CLUSTERS).items() if owner == gateway}

    def addresses(self, cluster: str, gateway: ResourceId = EDGE) -> list[tuple[str, int]]:
        found: ir.Endpoints = self.engine.value(ENDPOINTS, (gateway, cluster))
        return [(endpoint.address, endpoint.port) for endpoint in found.endpoints]

    def status(self, resource: ResourceId = EDGE) -> Any:
        return self.engine.value(STATUSES, resource)

    def condition(self, resource: ResourceId, type_: str) -> tuple[str, str]:
        """Status and reason of a condition of the resource itself."""
        return of_type(self.status(resource)["conditions"], type_)

    def listener_condition(self, listener: str, type_: str, gateway: ResourceId = EDGE) -> tuple[str, str]:
        return of_type(self.listener_status(listener, gateway)["conditions"], type_)

    def listener_status(self, listener: str, gateway: ResourceId = EDGE) -> Any:
        return next(one for one in self.status(gateway)["listeners"] if one["name"] == listener)

    def parent_condition(self, route: str | ResourceId, type_: str, parent: int = 0) -> tuple[str, str]:
        named = route_id(route) if isinstance(route, str) else route
        parents = self.status(named)["parents"]
        return of_type(parents[parent]["conditions"], type_)


def of_type(conditions: Iterable[Mapping[str, str]], type_: str) -> tuple[str, str]:
    """Status and reason of one condition; empty when it is absent."""
    found = [(said["status"], said["reason"]) for said in conditions if said["type"] == type_]
    assert len(found) < 2, f"{type_} is there twice"
    return found[0] if found else ("", "")


def unvalidated(*documents: Document) -> dict[ResourceId, Any]:
    """As it may arrive from a store whose API does not know our rules: typed, and no more."""
    resources = [
        msgspec.convert(filled(KINDS[one["kind"]].type, one), KINDS[one["kind"]].type) for one in documents
    ]
    return {resource.id: resource for resource in resources}


def leaves(documents: Iterable[Document]) -> dict[ResourceId, Any]:
    """Checked as the API does, without what the engine must not react to."""
    resources = [engine_view(check(document["kind"], document).resource) for document in documents]
    return {resource.id: resource for resource in resources}


def document(kind: str, name: str, namespace: str = NAMESPACE, **fields: Any) -> Document:
    """Metadata as the server fills it in: generation 1, made at one fixed time."""
    known = KINDS[kind]
    metadata = {
        "name": name,
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **({"namespace": namespace} if known.namespaced else {}),
        **fields.pop("metadata", {}),
    }
    return {"apiVersion": known.api_version, "kind": kind, "metadata": metadata, **fields}


def route_id(name: str, namespace: str = NAMESPACE) -> ResourceId:
    return ResourceId("HTTPRoute", namespace, name)


def gateway_class(name: str = "sekisho", controller: str = CONTROLLER, **spec: Any) -> Document:
    return document("GatewayClass", name, spec={"controllerName": controller, **spec})


def namespace(name: str, **labels: str) -> Document:
    return document("Namespace", name, metadata={"labels": labels})


def http(name: str = "http", port: int = 8080, **fields: Any) -> Document:
    """A plain listener that takes routes of all namespaces."""
    allowed = fields.pop("allowedRoutes", {"namespaces": {"from": "All"}})
    return {"name": name, "port": port, "protocol": "HTTP", "allowedRoutes": allowed, **fields}


def https(name: str = "https", port: int = 8443, secret: str = "cert", **fields: Any) -> Document:
    tls = fields.pop("tls", {"certificateRefs": [{"name": secret}]})
    return http(name, port, **{"protocol": "HTTPS", "tls": tls, **fields})


def door(protocol: str, name: str, port: int, **fields: Any) -> Document:
    """A listener of any protocol that takes routes of all namespaces."""
    return http(name, port, **{"protocol": protocol, **fields})


def passthrough(name: str = "tls", port: int = 8443, **fields: Any) -> Document:
    """A TLS listener that passes connections on as they are."""
    return door("TLS", name, port, tls={"mode": "Passthrough"}, **fields)


def gateway(*listeners: Document, name: str = "edge", namespace: str = NAMESPACE, **spec: Any) -> Document:
    return document(
        "Gateway", name, namespace,
        spec={"gatewayClassName": "sekisho", "listeners": list(listeners) or [http()], **spec},
    )  # fmt: skip


def listener_set(
    name: str, *listeners: Document, namespace: str = NAMESPACE, parent: Any = None, **fields: Any
) -> Document:
    """Of Gateway `edge` unless said otherwise, with one plain listener."""
    reference = {"name": "edge", "namespace": NAMESPACE} if parent is None else parent
    spec = {"parentRef": reference, "listeners": list(listeners) or [http()]}
    return document("ListenerSet", name, namespace, spec=spec, **fields)


def backend(name: str = "web", port: int = 80, **fields: Any) -> Document:
    return {"name": name, "port": port, **fields}


def rule(*backends: Document, path: str = "", **fields: Any) -> Document:
    matches = [{"path": {"type": "PathPrefix", "value": path}}] if path else None
    found = {"backendRefs": list(backends), **fields}
    return found if matches is None else {"matches": matches, **found}


def http_route(
    name: str, *rules: Document, hostnames: Iterable[str] = (), parents: Any = None, **fields: Any
) -> Document:
    """A route of Gateway `edge` with one rule to Service `web` unless said otherwise."""
    spec: Document = {
        "parentRefs": [{"name": "edge"}] if parents is None else parents,
        "hostnames": list(hostnames),
        "rules": list(rules) or [rule(backend())],
    }
    return document("HTTPRoute", name, fields.pop("namespace", NAMESPACE), spec=spec, **fields)


def route(kind: str, name: str, *rules: Document, parents: Any = None, **fields: Any) -> Document:
    """A route of any kind, of Gateway `edge` and with one rule to Service `web` unless said otherwise."""
    namespace, metadata = fields.pop("namespace", NAMESPACE), fields.pop("metadata", {})
    spec: Document = {
        "parentRefs": [{"name": "edge"}] if parents is None else parents,
        "rules": list(rules) or [rule(backend())],
        **fields,
    }
    return document(kind, name, namespace, spec=spec, metadata=metadata)


def service(name: str = "web", *ports: Document, namespace: str = NAMESPACE, **spec: Any) -> Document:
    return document("Service", name, namespace, spec={"ports": list(ports) or [{"port": 80}], **spec})


def endpoint_slice(
    service: str, *addresses: str, name: str = "", namespace: str = NAMESPACE, **fields: Any
) -> Document:
    return document(
        "EndpointSlice", name or f"{service}-1", namespace,
        metadata={"labels": {"kubernetes.io/service-name": service}},
        addressType=fields.pop("addressType", "IPv4"),
        endpoints=fields.pop("endpoints", [{"addresses": [address]} for address in addresses]),
        ports=fields.pop("ports", [{"port": 3000}]),
        **fields,
    )  # fmt: skip


def workload(name: str, address: str, *, labels: Mapping[str, str], **spec: Any) -> Document:
    return document("Workload", name, metadata={"labels": dict(labels)}, spec={"address": address, **spec})


def reference_grant(
    from_kind: str,
    from_namespace: str,
    to_kind: str,
    *,
    namespace: str,
    to_name: str = "",
    name: str = "grant",
) -> Document:
    target = {"group": "", "kind": to_kind, **({"name": to_name} if to_name else {})}
    source = {"group": "gateway.networking.k8s.io", "kind": from_kind, "namespace": from_namespace}
    return document("ReferenceGrant", name, namespace, spec={"from": [source], "to": [target]})
