"""What may be stored and is hardly meant: told to whoever writes it, and no reason to refuse it."""

from collections.abc import Iterator

from sekisho.kit.text import did_you_mean
from sekisho.model import paths
from sekisho.model.gateway import PROTOCOLS, Gateway
from sekisho.model.listener_set import ListenerSet
from sekisho.model.meta import Resource
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason


def doubts(resource: Resource) -> Iterator[Problem]:
    """Of a resource without mistakes."""
    if isinstance(resource, Gateway | ListenerSet):
        for index, listener in enumerate(resource.spec.listeners):
            path = paths.field(paths.item("spec.listeners", index), "protocol")
            yield from _protocol(path, listener.protocol)


def _protocol(path: str, protocol: str) -> Iterator[Problem]:
    """Protocols of others have a domain (`example.com/chat`); names without one are Gateway API's own."""
    if protocol not in PROTOCOLS and "/" not in protocol:
        message = f'"{protocol[:60]}" is not a protocol; {", ".join(PROTOCOLS)} are'
        yield Problem(path, message, did_you_mean(protocol, PROTOCOLS), Reason.NOT_SUPPORTED)
