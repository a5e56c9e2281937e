"""The columns kubectl prints for each kind, as upstream shows them."""

from collections.abc import Mapping, Sequence

from sekisho.api.cells import Column, Object, at, condition, count, joined, pairs, text
from sekisho.model.ingress import CLASS_ANNOTATION
from sekisho.model.kinds import POLICY_KINDS
from sekisho.model.mesh import EFFECT_LABEL


def _service_ports(object_: Object) -> str:
    ports = at(object_, "spec", "ports") or []
    return ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in ports) or "<none>"


def _external_ip(object_: Object) -> str:
    addresses = at(object_, "spec", "externalIPs") or []
    name = at(object_, "spec", "externalName")
    return ",".join(addresses) or name or "<none>"


def _slice_ports(object_: Object) -> str:
    return ",".join(str(port.get("port", "*")) for port in object_.get("ports") or []) or "<unset>"


def _slice_endpoints(object_: Object) -> str:
    shown = 3
    addresses = [address for each in object_.get("endpoints") or [] for address in each.get("addresses", [])]
    more = f" + {len(addresses) - shown} more..." if len(addresses) > shown else ""
    return (",".join(addresses[:shown]) + more) or "<unset>"


def _workload_ports(object_: Object) -> str:
    return ",".join(
        f"{port['port']}/{port.get('protocol', 'TCP')}" for port in at(object_, "spec", "ports") or []
    )


def _sidecar(object_: Object) -> str:
    capture = at(object_, "spec", "sidecar", "capture")
    return "Loopback" if capture == "None" else str(capture or "<none>")


def _is_ready(object_: Object) -> str:
    """Who says so: the owner, and where there is a probe, the agent."""
    if at(object_, "spec", "ready") is False:
        return "False"
    return "True" if not at(object_, "spec", "readinessProbe") else condition("Ready")(object_) or "Unknown"


def _external_port(object_: Object) -> str:
    return f"{at(object_, 'spec', 'match', 'port')}/{at(object_, 'spec', 'match', 'protocol')}"


def _external_endpoints(object_: Object) -> str:
    return ",".join(f"{each['address']}:{each['port']}" for each in at(object_, "spec", "endpoints") or [])


def _external_tls(object_: Object) -> str:
    if not at(object_, "spec", "tls", "enabled"):
        return "<none>"
    return str(at(object_, "spec", "tls", "verification", "mode") or "Secured")


def _zone_ports(object_: Object) -> str:
    """`80/http:3`: with the instances that take requests."""
    return ",".join(
        f"{port['port']}/{port.get('protocol', 'tcp')}:{port.get('instances', 0)}"
        for port in at(object_, "spec", "ports") or []
    )


def _multi_zone_ports(object_: Object) -> str:
    return ",".join(
        f"{port['port']}/{port.get('protocol', 'tcp')}" for port in at(object_, "spec", "ports") or []
    )


def _ingress_addresses(object_: Object) -> str:
    return ",".join(f"{each['address']}:{each['port']}" for each in at(object_, "spec", "addresses") or [])


def _parameters(object_: Object) -> str:
    named = at(object_, "spec", "parameters")
    if named is None:
        return "<none>"
    kind = ".".join(filter(None, (named["kind"], named.get("apiGroup"))))
    return f"{kind}/{named['name']}"


def _ingress_class(object_: Object) -> str:
    annotated = at(object_, "metadata", "annotations", CLASS_ANNOTATION)
    return str(at(object_, "spec", "ingressClassName") or annotated or "<none>")


def _ingress_hosts(object_: Object) -> str:
    """`shop.example.com,*.example.com + 2 more...`; `*` for all."""
    shown = 3
    hosts = list(dict.fromkeys(rule.get("host") or "" for rule in at(object_, "spec", "rules") or []))
    named = [host for host in hosts if host]
    more = f" + {len(named) - shown} more..." if len(named) > shown else ""
    return (",".join(named[:shown]) + more) or "*"


def _ingress_load_balancer(object_: Object) -> str:
    entries = at(object_, "status", "loadBalancer", "ingress") or []
    return ",".join(each.get("ip") or each.get("hostname", "") for each in entries)


def _ingress_ports(object_: Object) -> str:
    return "80, 443" if at(object_, "spec", "tls") else "80"


def _named_kind(object_: Object) -> str:
    selector = at(object_, "spec", "selector") or {}
    return ",".join(
        f"{kind}({pairs('spec', 'selector', kind, 'matchLabels')(object_)})" for kind in selector
    ).replace("(<none>)", "")


def _reference(reference: Object | None) -> str:
    """A targetRef: `Workload(app=cart)`, `Service/cart:http`, `Mesh`."""
    if not reference:
        return "Mesh"
    name = "/".join(filter(None, (reference["kind"], reference.get("namespace"), reference.get("name"))))
    labels = f"({pairs('labels')(reference)})" if reference.get("labels") else ""
    section = f":{reference['sectionName']}" if reference.get("sectionName") else ""
    return f"{name}{labels}{section}"


def _targets(object_: Object) -> str:
    return ", ".join(_reference(one) for one in at(object_, "spec", "targetRefs") or ())


def _destinations(object_: Object) -> str:
    return ",".join(_reference(each.get("targetRef")) for each in at(object_, "spec", "to") or [])


_TARGET = Column("Target", lambda object_: _reference(at(object_, "spec", "targetRef")), "Whom it is for.")
_DESTINATIONS = Column("To", _destinations, "Destinations it is about, if it is for clients.")
_EFFECT = Column(
    "Effect",
    lambda object_: at(object_, "metadata", "labels", EFFECT_LABEL) or "",
    "Whether it is only shown (shadow).",
    priority=1,
)
_HOSTNAMES = (Column("Hostnames", joined("spec", "hostnames"), "Host names the route is for."),)

COLUMNS: Mapping[str, Sequence[Column]] = {
    "Namespace": (Column("Status", lambda object_: at(object_, "status", "phase") or "Active", "Phase."),),
    "Service": (
        Column("Type", text("spec", "type"), "How it is made reachable."),
        Column(
            "Cluster-IP", lambda object_: at(object_, "spec", "clusterIP") or "<none>", "Virtual address."
        ),
        Column("External-IP", _external_ip, "Further addresses."),
        Column("Port(s)", _service_ports, "Ports callers use."),
        Column("Selector", pairs("spec", "selector"), "Labels of its instances.", priority=1),
    ),
    "Secret": (
        Column("Type", text("type"), "What it holds."),
        Column("Data", count("data"), "How many values.", "integer"),
    ),
    "ConfigMap": (Column("Data", count("data", "binaryData"), "How many values.", "integer"),),
    "EndpointSlice": (
        Column("AddressType", text("addressType"), "Kind of the addresses."),
        Column("Ports", _slice_ports, "Ports of each instance."),
        Column("Endpoints", _slice_endpoints, "Addresses of the instances."),
    ),
    "GatewayClass": (
        Column("Controller", text("spec", "controllerName"), "Who serves it."),
        Column("Accepted", condition("Accepted"), "Whether the controller takes it."),
        Column("Description", text("spec", "description"), "A line for people.", priority=1),
    ),
    "IngressClass": (
        Column("Controller", text("spec", "controller"), "Who serves it."),
        Column("Parameters", _parameters, "Its settings."),
    ),
    "Ingress": (
        Column("Class", _ingress_class, "Its IngressClass."),
        Column("Hosts", _ingress_hosts, "Host names it is for."),
        Column("Address", _ingress_load_balancer, "Where it is reached."),
        Column("Ports", _ingress_ports, "Ports it is reached at."),
    ),
    "XBackend": (
        Column("Hostname", text("spec", "externalHostname", "hostname"), "Where it is."),
        Column("Port", text("spec", "port", "port"), "Port there."),
        Column("Protocol", text("spec", "protocol"), "What is spoken there."),
        Column("TLS", text("spec", "tls", "mode"), "Who shows a certificate."),
    ),
    "XBackendTrafficPolicy": (
        Column("Targets", _targets, "Backends it is for."),
        Column("Budget", text("spec", "retryConstraint", "budget", "percent"), "Percent of retries."),
    ),
    "XMesh": (Column("Accepted", condition("Accepted"), "Whether the controller takes it."),),
    "Gateway": (
        Column("Class", text("spec", "gatewayClassName"), "Its GatewayClass."),
        Column("Address", text("status", "addresses", 0, "value"), "Its first address."),
        Column("Programmed", condition("Programmed"), "Whether its proxies serve it."),
    ),
    "ListenerSet": (
        Column("Accepted", condition("Accepted"), "Whether its Gateway has any of its listeners."),
        Column("Programmed", condition("Programmed"), "Whether the Gateway's proxies serve them."),
    ),
    "HTTPRoute": _HOSTNAMES,
    "GRPCRoute": _HOSTNAMES,
    "TLSRoute": _HOSTNAMES,
    "ServiceAccount": (Column("Secrets", count("secrets"), "Secrets its programs may use.", "integer"),),
    "Workload": (
        Column("Address", text("spec", "address"), "Where it is reached."),
        Column("Ports", _workload_ports, "Ports it listens on."),
        Column("Account", text("spec", "serviceAccountName"), "The account it runs as."),
        Column("Sidecar", _sidecar, "How connections get to the proxy beside it, if there is one."),
        Column("Ready", _is_ready, "Whether it takes requests."),
        Column("Identity", text("status", "spiffeID"), "Its identity in the mesh.", priority=1),
        Column("Labels", pairs("metadata", "labels"), "What Services select it by.", priority=1),
    ),
    "Mesh": (
        Column("Inspection", text("spec", "inspection"), "Where HTTP is read between proxies."),
        Column("Reachable", text("spec", "reachable"), "What a proxy knows from the start."),
        Column("Ready", condition("Ready"), "Whether its members have an authority."),
        Column("Trust-Domains", joined("status", "trustDomains"), "Whom its members believe.", priority=1),
    ),
    "MeshIdentity": (
        Column("Provider", text("spec", "provider", "type"), "Who issues."),
        Column("Path", text("spec", "spiffeID", "path"), "How identities look."),
        Column("Ready", condition("Ready"), "Whether it issues."),
        Column(
            "Trust-Domain", text("spec", "spiffeID", "trustDomain"), "Trust domain of identities.", priority=1
        ),
    ),
    "MeshTrust": (
        Column("Trust-Domain", text("spec", "trustDomain"), "The domain believed."),
        Column(
            "Bundles", lambda object_: len(at(object_, "spec", "caBundles") or ()), "How many.", "integer"
        ),
    ),
    "MeshTLS": (
        _TARGET,
        Column("Mode", text("spec", "rules", 0, "default", "mode"), "Who is let in."),
        _EFFECT,
    ),
    "ExternalService": (
        Column("Hostname", text("status", "addresses", 0, "hostname"), "Its name in the mesh."),
        Column("VIP", text("status", "vip", "ip"), "Its virtual address."),
        Column("Port", _external_port, "Port that members call."),
        Column("Endpoints", _external_endpoints, "Where it really is."),
        Column("TLS", _external_tls, "Whether the proxy speaks TLS to it.", priority=1),
    ),
    "HostnameGenerator": (
        Column("For", _named_kind, "What gets a name."),
        Column("Template", text("spec", "template"), "The name."),
        Column("Generated", condition("Generated"), "Whether every name is its own."),
    ),
    "Zone": (
        Column("Enabled", text("spec", "enabled"), "Whether other zones get what it exports."),
        Column("Connected", condition("Connected"), "Whether its control plane is connected."),
        Column("Version", text("status", "controlPlane", "version"), "Version of its control plane."),
        Column("Last-Sync", text("status", "lastSync"), "When its newest change came."),
        Column("Certificate", text("status", "certificateExpiry"), "When its certificate ends.", priority=1),
    ),
    "ZoneService": (
        Column("Zone", text("spec", "zone"), "The zone it is in."),
        Column("Service", text("spec", "service"), "Its name there."),
        Column("Ports", _zone_ports, "Ports, what is spoken, and how many instances take requests."),
        Column("VIP", text("status", "vip", "ip"), "Its virtual address in this zone."),
        Column("Hostname", text("status", "addresses", 0, "hostname"), "Its name in this zone."),
        Column("Mesh", text("spec", "mesh"), "The mesh it is in.", priority=1),
    ),
    "ZoneIngress": (
        Column("Zone", text("spec", "zone"), "The zone it leads into."),
        Column("Addresses", _ingress_addresses, "Where it is reached."),
        Column("Ready", text("spec", "ready"), "Whether a proxy listens there."),
    ),
    "MultiZoneService": (
        Column("Hostname", text("status", "addresses", 0, "hostname"), "Its name in the mesh."),
        Column("VIP", text("status", "vip", "ip"), "Its virtual address."),
        Column("Ports", _multi_zone_ports, "Ports that members call."),
        Column("Selector", pairs("spec", "selector", "zoneService", "matchLabels"), "What stands behind it."),
    ),
    **dict.fromkeys(POLICY_KINDS, (_TARGET, _DESTINATIONS, _EFFECT)),
    "CustomResourceDefinition": (),
}
"""Columns between Name and Age. A kind without an entry shows just these two."""
