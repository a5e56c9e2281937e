"""Authorizers: another service is asked whether a request may pass."""

from typing import Literal

from msgspec import Struct


class Authorizer(Struct, frozen=True, kw_only=True, gc=False):
    """Whom to ask. Without an answer that lets it pass, a request is refused."""

    cluster: str
    """A `Cluster.name`."""
    protocol: Literal["HTTP", "GRPC"]
    """The same request by HTTP, where 200 lets it pass; or `envoy.service.auth.v3.Authorization`."""
    path_prefix: str = ""
    """HTTP: what the path is asked with in front."""
    request_headers: tuple[str, ...] = ()
    """Headers of the request that it is shown, lower case. HTTP: beside those that always are (host,
    authorization, content-length); GRPC: no others, but all where this is empty."""
    response_headers: tuple[str, ...] = ()
    """HTTP: headers of the answer that go on to the backend, lower case; empty for all that are about the
    request and not about the answer itself."""
    max_body: int = 0
    """Bytes of the body that it is shown; a longer one is refused. 0 for none of it."""
