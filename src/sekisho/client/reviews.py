"""Questions with an answer: the create-only kinds of sekisho.dev, as those who ask and answer see them."""

from typing import TypeVar

import msgspec

from sekisho.client.client import Client


class Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """JSON in Kubernetes' camelCase; unknown fields are left alone, so that old commands read new answers."""


class Step(Struct, frozen=True):
    """One decision on a request's way, in order."""

    what: str
    """listener, virtual host, route, rule, filter, backend, …"""
    name: str
    """The thing decided for: `http/0.0.0.0/8080`, `shop.example.com`, `shop/cart/0/0`."""
    origin: str = ""
    """The resource and field that decided: `HTTPRoute/shop/cart spec.rules[0]`; empty for our defaults."""
    file: str = ""
    line: int = 0
    """Where that resource was written, when it is known."""
    detail: str = ""
    """What was decided, in words: `path prefix /cart`, `weight 90 of 100`."""


class ExplanationSpec(Struct, frozen=True):
    """A request that was not sent."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    gateway: str = ""
    """`namespace/name`; empty to look at all gateways."""
    client: str = ""
    """`namespace/name` of the Workload that calls; empty for a call from outside, at a gateway."""
    shadow: bool = False
    """As if what is in shadow counted: policies labelled so, and shadow denials."""
    claims: tuple[tuple[str, str], ...] = ()
    """Of a token (JWT) that the caller shows and that is good, `a.b` for a claim inside another."""
    zone: str = ""
    """Which zone is to answer; empty for the control plane that is asked."""


class Explanation(Struct, frozen=True):
    """What would happen to it."""

    outcome: str
    """In one line: `forwarded to shop/cart/8080`, `redirected (302) to …`, `answered 404: no route`."""
    steps: tuple[Step, ...] = ()


class PermissionSpec(Struct, frozen=True):
    """A caller, what it calls, and, if a request is meant, which."""

    client: str
    """`namespace/name` of a Workload, Gateway or Service (its first instance); or a SPIFFE ID."""
    server: str
    """`namespace/name` of a Service or Workload."""
    port: int = 0
    """Of the Service, or of the Workload; 0 for all."""
    path: str = ""
    """With the query; empty to ask about all requests."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    shadow: bool = False
    """As if what is in shadow counted: policies labelled so, and shadow denials."""
    claims: tuple[tuple[str, str], ...] = ()
    """Of a token (JWT) that the caller shows and that is good, `a.b` for a claim inside another."""
    zone: str = ""
    """Which zone is to answer; empty for the control plane that is asked."""


class RuleState(Struct, frozen=True):
    """One rule that concerns the caller."""

    effect: str
    """deny, allow, allowWithShadowDeny."""
    who: str
    """The condition on the connection, in words."""
    requests: str = ""
    """The condition on requests, in words; empty for all."""
    origin: str = ""
    file: str = ""
    line: int = 0


class PortVerdict(Struct, frozen=True):
    """What a caller may do at one port of some workloads."""

    port: int
    """As it is called: of the Service, where one was asked about."""
    workloads: tuple[str, ...]
    """`namespace/name`, all of which decide alike."""
    identity: str
    """SPIFFE ID of the server; empty for none."""
    speaks: str
    """HTTP, TCP."""
    mode: str
    """Strict, Permissive, or empty without mutual TLS."""
    verdict: str
    """allowed, denied, conditional (on the request)."""
    why: str = ""
    origin: str = ""
    """The rule that decided; empty where none did, or several together do."""
    file: str = ""
    line: int = 0
    shadow: str = ""
    """The shadow denial that would have denied."""
    rules: tuple[RuleState, ...] = ()
    """Those that concern the caller, denials first."""
    others: int = 0
    """Rules that are about other callers."""
    warnings: tuple[str, ...] = ()


class Permission(Struct, frozen=True):
    """Whether a caller may call."""

    outcome: str
    """In one line."""
    allowed: bool = False
    """Whether any port lets it in, be it for some requests."""
    client: str = ""
    """`Workload/shop/web`."""
    identity: str = ""
    """SPIFFE ID of the caller; empty for none."""
    address: str = ""
    """Where its connections are thought to come from."""
    ports: tuple[PortVerdict, ...] = ()


class ConfigDumpSpec(Struct, frozen=True):
    """Which resources: of a Gateway's proxies, or of a Workload's."""

    gateway: str = ""
    """`namespace/name`."""
    workload: str = ""
    """`namespace/name`, where no Gateway is meant."""
    type: str = ""
    """cluster, endpoints, secret, listener, scope, routes, hostname, sidecar; empty for all."""
    shadow: bool = False
    """As if policies in shadow counted."""
    zone: str = ""
    """Which zone is to answer; empty for the control plane that is asked."""


class Published(Struct, frozen=True):
    """One Envoy resource as published."""

    type: str
    name: str
    version: str
    body: dict[str, object]
    """The message as JSON; private keys are redacted."""


class ConfigDump(Struct, frozen=True):
    """What the proxies of a Gateway or Workload are given."""

    resources: tuple[Published, ...] = ()


PLURALS = {
    "Explanation": "explanations",
    "Permission": "permissions",
    "ConfigDump": "configdumps",
    "SystemStatus": "systemstatuses",
    "TokenReview": "tokenreviews",
    "CertificateRequest": "certificaterequests",
    "TrustReview": "trustreviews",
    "ZoneInquiry": "zoneinquiries",
}
"""By kind; the plural is the last part of the path."""

Answer = TypeVar("Answer", bound=Struct)


async def ask(client: Client, kind: str, spec: Struct | None, answer: type[Answer]) -> Answer:
    """Posts a review and reads its answer. Raises what `Client` raises."""
    status = await client.review(PLURALS[kind], kind, {} if spec is None else msgspec.to_builtins(spec))
    return msgspec.convert(status, answer)
