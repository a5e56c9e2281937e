"""What an agent is told, as a resource of the same protocol: JSON in the place of an Envoy message."""

import msgspec
import xxhash

from sekisho.envoy.resource import Resource
from sekisho.ir.agent import AgentConfig, HostnameRecord

_NAME = "sidecar"
"""Of the one `AgentConfig` in a view."""


def agent_resource(type_url: str, wanted: AgentConfig | HostnameRecord) -> Resource:
    """Under the host name, or `sidecar`. The same value gives the same bytes: fields have a fixed order."""
    body = msgspec.json.encode(wanted)
    name = wanted.name if isinstance(wanted, HostnameRecord) else _NAME
    return Resource(type_url, name, xxhash.xxh3_64_hexdigest(body), body)
