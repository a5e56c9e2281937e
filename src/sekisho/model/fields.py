"""The small types fields are made of: what a string or number must look like, and how we say it.

Patterns end in `\\Z`, because `$` in Python lets a trailing newline through, and are written so that no input
makes them slow. `extra["expected"]` is the sentence a user reads when a value does not fit.
"""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """Base of everything a user may write: immutable, strict, camelCase outside.

    `gc=False`: resources are trees, never cycles, and there are very many of them.
    """


DnsLabel: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"^{_LABEL}\Z",
        min_length=1,
        max_length=63,
        extra={"expected": "lower-case letters, digits and `-`, starting and ending with a letter or digit"},
    ),
]
"""RFC 1123 label: names of namespaces."""

ServiceName: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[a-z](?:[-a-z0-9]*[a-z0-9])?\Z",
        min_length=1,
        max_length=63,
        extra={"expected": "lower-case letters, digits and `-`, starting with a letter"},
    ),
]
"""RFC 1035 label: names of Services."""

DnsSubdomain: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"^{_SUBDOMAIN}\Z",
        min_length=1,
        max_length=253,
        extra={
            "expected": "lower-case letters, digits, `-` and `.`, starting and ending with a letter or digit"
        },
    ),
]
"""RFC 1123 subdomain: names of most resources, sections and rules."""

Hostname: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"^(?:\*\.)?{_SUBDOMAIN}\Z",
        min_length=1,
        max_length=253,
        extra={
            "expected": "a lower-case host name such as `shop.example.com` or `*.example.com`, without a port"
        },
    ),
]
"""Exact or wildcard host name; an IP address looks like one and is refused by validation."""

PreciseHostname: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"^{_SUBDOMAIN}\Z",
        min_length=1,
        max_length=253,
        extra={"expected": "a lower-case host name such as `shop.example.com`, without wildcard and port"},
    ),
]

ObjectName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=253)]
"""The name of a resource that is referred to."""

Group: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{_SUBDOMAIN})?\Z",
        max_length=253,
        extra={"expected": "an API group such as `gateway.networking.k8s.io`, or empty for the core group"},
    ),
]

KindName: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[a-zA-Z](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?\Z",
        min_length=1,
        max_length=63,
        extra={"expected": "a kind such as `Service`"},
    ),
]

Port: TypeAlias = Annotated[int, Meta(ge=1, le=65535)]

PortName: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"^{_LABEL}\Z",
        min_length=1,
        max_length=63,
        extra={"expected": "lower-case letters, digits and `-`, such as `http`"},
    ),
]

HeaderName: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+\Z",
        min_length=1,
        max_length=256,
        extra={"expected": "a header name (RFC 9110 token) such as `x-version`"},
    ),
]

HeaderValue: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]+(?:[\t ][!-~]+)*\Z",
        min_length=1,
        max_length=4096,
        extra={"expected": "visible ASCII characters with single spaces between them"},
    ),
]

Duration: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^(?:[0-9]{1,5}(?:h|ms|m|s)){1,4}\Z",
        extra={"expected": "a duration of h, m, s and ms, such as `1m30s` or `500ms`"},
    ),
]
"""GEP-2257; `sekisho.kit.durations.parse` reads it."""

LabelValue: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^(?:(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z",
        max_length=63,
        extra={"expected": "letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit"},
    ),
]

PathText: TypeAlias = Annotated[str, Meta(max_length=1024)]
