"""Kinds of Kubernetes' core group (`v1`)."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from sekisho.model.fields import Model, Port, PortName
from sekisho.model.meta import Resource

Protocol = Literal["TCP", "UDP", "SCTP"]
HEADLESS = "None"
"""`clusterIP` of a Service without virtual address: its name stands for the addresses of its instances."""


class NamespaceSpec(Model, frozen=True, kw_only=True):
    """Settings of a namespace."""

    finalizers: Annotated[
        tuple[str, ...], Meta(description="Who must agree before the namespace is really gone.")
    ] = ()


class Namespace(Resource, frozen=True, kw_only=True):
    """A room of its own for names; routes and grants are given by namespace."""

    spec: Annotated[NamespaceSpec | None, Meta(description="Settings.")] = None
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None


class ServicePort(Model, frozen=True, kw_only=True):
    """One port of a Service."""

    port: Annotated[Port, Meta(description="Port callers use.")]
    name: Annotated[PortName | None, Meta(description="Name; needed when there are several ports.")] = None
    protocol: Annotated[Protocol, Meta(description="Transport protocol.")] = "TCP"
    target_port: Annotated[
        int | str | None,
        Meta(description="Port of the instances, by number or by name. The same as port when left out."),
    ] = None
    node_port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None, Meta(description="Port on each node (Kubernetes only).")
    ] = None
    app_protocol: Annotated[
        str | None, Meta(description="What is spoken, such as kubernetes.io/h2c or kubernetes.io/ws.")
    ] = None


class ClientIpConfig(Model, frozen=True, kw_only=True):
    """How long a caller stays with its instance."""

    timeout_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=86400)] | None, Meta(description="Seconds a caller stays.")
    ] = None


class SessionAffinityConfig(Model, frozen=True, kw_only=True):
    """Details of session affinity."""

    client_ip: Annotated[ClientIpConfig | None, Meta(description="For affinity by address.")] = field(
        default=None, name="clientIP"
    )


class ServiceSpec(Model, frozen=True, kw_only=True):
    """What a Service is made of."""

    ports: Annotated[tuple[ServicePort, ...], Meta(description="Ports callers use.")] = ()
    selector: Annotated[
        dict[str, str], Meta(description="Labels of the instances (Workloads or Pods) behind it.")
    ] = field(default_factory=dict)
    type: Annotated[
        Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
        Meta(description="How it is made reachable."),
    ] = "ClusterIP"
    cluster_ip: Annotated[str | None, Meta(description="Virtual address; None for a headless Service.")] = (
        field(default=None, name="clusterIP")
    )
    cluster_ips: Annotated[tuple[str, ...], Meta(description="Virtual addresses, one per IP family.")] = (
        field(default=(), name="clusterIPs")
    )
    external_name: Annotated[str | None, Meta(description="DNS name for type ExternalName.")] = None
    external_ips: Annotated[tuple[str, ...], Meta(description="Further addresses it answers on.")] = field(
        default=(), name="externalIPs"
    )
    session_affinity: Annotated[
        Literal["None", "ClientIP"], Meta(description="Whether a caller stays with one instance.")
    ] = "None"
    session_affinity_config: Annotated[
        SessionAffinityConfig | None, Meta(description="Details of session affinity.")
    ] = None
    publish_not_ready_addresses: Annotated[
        bool | None, Meta(description="Whether instances count before they are ready.")
    ] = None
    ip_families: Annotated[tuple[Literal["IPv4", "IPv6"], ...], Meta(description="IP families.")] = ()
    ip_family_policy: Annotated[
        Literal["SingleStack", "PreferDualStack", "RequireDualStack"] | None,
        Meta(description="How many IP families."),
    ] = None
    internal_traffic_policy: Annotated[
        Literal["Cluster", "Local"] | None, Meta(description="Which instances serve callers inside.")
    ] = None
    external_traffic_policy: Annotated[
        Literal["Cluster", "Local"] | None, Meta(description="Which instances serve callers outside.")
    ] = None
    traffic_distribution: Annotated[str | None, Meta(description="Preference, such as PreferSameZone.")] = (
        None
    )
    load_balancer_ip: Annotated[str | None, Meta(description="Address wanted for type LoadBalancer.")] = (
        field(default=None, name="loadBalancerIP")
    )
    load_balancer_class: Annotated[str | None, Meta(description="Which load balancer serves it.")] = None
    load_balancer_source_ranges: Annotated[
        tuple[str, ...], Meta(description="Address ranges allowed through the load balancer.")
    ] = ()
    allocate_load_balancer_node_ports: Annotated[
        bool | None, Meta(description="Whether type LoadBalancer gets node ports.")
    ] = None
    health_check_node_port: Annotated[int | None, Meta(description="Port of the load balancer's check.")] = (
        None
    )


class Service(Resource, frozen=True, kw_only=True):
    """A name for a set of instances."""

    spec: Annotated[ServiceSpec, Meta(description="Ports and the instances behind them.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None


class Secret(Resource, frozen=True, kw_only=True):
    """Private data such as keys. Values never show in logs: see `__repr__`."""

    type: Annotated[str, Meta(description="What it holds, such as kubernetes.io/tls.")] = "Opaque"
    data: Annotated[dict[str, bytes], Meta(description="Values, in base64.")] = field(default_factory=dict)
    string_data: Annotated[
        dict[str, str], Meta(description="Values as text; joined into data when written, never read back.")
    ] = field(default_factory=dict)
    immutable: Annotated[bool | None, Meta(description="Whether data can never change again.")] = None

    def __repr__(self) -> str:
        """The keys only."""
        return f"Secret({self.id}, type={self.type!r}, keys={sorted(self.data)})"


class LocalReference(Model, frozen=True, kw_only=True):
    """A resource of the same namespace."""

    name: Annotated[str, Meta(description="Name.")]


class AccountSecret(Model, frozen=True, kw_only=True):
    """A Secret that programs of the account may use."""

    name: Annotated[str, Meta(description="Name.")]
    namespace: Annotated[str | None, Meta(description="Namespace; always the account's own.")] = None
    kind: Annotated[str | None, Meta(description="Kind.")] = None
    api_version: Annotated[str | None, Meta(description="API version.")] = None
    uid: Annotated[str | None, Meta(description="Unique id.")] = None
    resource_version: Annotated[str | None, Meta(description="Revision.")] = None
    field_path: Annotated[str | None, Meta(description="A part of it.")] = None


class ServiceAccount(Resource, frozen=True, kw_only=True):
    """Who programs are: Workloads and Pods run as one, and their identity in the mesh comes from it."""

    automount_service_account_token: Annotated[
        bool | None, Meta(description="Whether Pods get its token (Kubernetes only).")
    ] = None
    image_pull_secrets: Annotated[
        tuple[LocalReference, ...], Meta(description="Secrets for registries of images (Kubernetes only).")
    ] = ()
    secrets: Annotated[
        tuple[AccountSecret, ...], Meta(description="Secrets its programs may use (Kubernetes only).")
    ] = ()


class ConfigMap(Resource, frozen=True, kw_only=True):
    """Public data such as certificates of authorities."""

    data: Annotated[dict[str, str], Meta(description="Values as text.")] = field(default_factory=dict)
    binary_data: Annotated[dict[str, bytes], Meta(description="Values in base64.")] = field(
        default_factory=dict
    )
    immutable: Annotated[bool | None, Meta(description="Whether data can never change again.")] = None
