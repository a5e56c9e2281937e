"""Rules for metadata, as in Kubernetes: names, namespaces, label and annotation keys."""

import re
from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.fields import DnsLabel, DnsSubdomain, LabelValue, ServiceName
from sekisho.model.kinds import KINDS
from sekisho.model.meta import Resource
from sekisho.model.mistakes import value_mistakes
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason

_KEY_PREFIX = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_KEY_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_KEY_EXPECTED = "expected a key such as `app` or `example.com/app`, its last part at most 63 characters"
_NAME_TYPES = {
    "Namespace": DnsLabel,
    "Service": ServiceName,
    "Mesh": DnsLabel,  # a label of host names, trust domains and server names
    "ExternalService": DnsLabel,
    "Zone": DnsLabel,
    "MultiZoneService": DnsLabel,
}
ANNOTATIONS_MAX_BYTES = 256 * 1024
"""All keys and values together; Kubernetes' limit."""


def problems(resource: Resource) -> Iterator[Problem]:
    """Rules of `metadata`, which depend on the kind only for the form of the name."""
    metadata = resource.metadata
    yield from value_mistakes(_NAME_TYPES.get(resource.kind, DnsSubdomain), metadata.name, "metadata.name")
    if metadata.namespace and not KINDS[resource.kind].namespaced:
        message = f"{resource.kind} is cluster-wide and has no namespace"
        yield Problem("metadata.namespace", message, "leave it out", Reason.FORBIDDEN)
    elif metadata.namespace:
        yield from value_mistakes(DnsLabel, metadata.namespace, "metadata.namespace")
    yield from labels("metadata.labels", metadata.labels)
    yield from keys("metadata.annotations", metadata.annotations)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in metadata.annotations.items())
    if size > ANNOTATIONS_MAX_BYTES:
        message = f"expected at most {ANNOTATIONS_MAX_BYTES} bytes in all, found {size}"
        yield Problem("metadata.annotations", message, reason=Reason.TOO_LONG)


def labels(path: str, mapping: dict[str, str]) -> Iterator[Problem]:
    """Keys and values of labels."""
    yield from keys(path, mapping)
    for key, value in mapping.items():
        yield from value_mistakes(LabelValue, value, paths.entry(path, key))


def keys(path: str, mapping: dict[str, str]) -> Iterator[Problem]:
    """Keys of labels and annotations: an optional DNS subdomain and `/`, then a name."""
    for key in mapping:
        prefix, slash, name = key.rpartition("/")
        fits = len(prefix) <= 253 and len(name) <= 63 and _KEY_NAME.fullmatch(name)  # noqa: PLR2004  Kubernetes' limits
        if not fits or (slash and not _KEY_PREFIX.fullmatch(prefix)):
            yield Problem(paths.entry(path, key), _KEY_EXPECTED)
