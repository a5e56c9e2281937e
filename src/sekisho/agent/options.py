"""What all proxies of a host share, and where the files of each are."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sekisho.agent.envoy import EnvoyOptions
from sekisho.identity.keys import Credentials
from sekisho.ir.agent import AgentConfig

READABLE, DISTINCT = 12, 16
"""Characters of a proxy's name, and of its digest, in the name of its directories. With 64 bits of digest
nobody finds a name for a Gateway that gets the directories of somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """What all proxies of a host share."""

    run_directory: Path
    """Sockets, logs, bootstraps. At most 66 bytes long, for a socket's path has at most 107."""
    state_directory: Path
    """Keys, certificates and last known good; they outlive a restart of the host."""
    instance: str
    """This host among the hosts that run the same proxy; the last part of the node's id."""
    envoy: EnvoyOptions
    zone: str = ""
    heap: int | None = None
    """Bytes of heap at which an Envoy is under full pressure; None for 80 % of the memory."""
    connections: int = 50_000
    """Of clients, per Envoy; at most half of the open files it may have."""
    authorities: Path | None = None
    """Certificates of whom this host believes, for servers outside that nobody names authorities for."""
    given: AgentConfig | None = None
    """How sidecars are run until the control plane says; for an agent of one workload."""
    may_capture: bool = False
    """This network namespace is the workload's alone."""
    on_credentials: Callable[[str, Credentials], None] | None = None
    """Called with a proxy's id and that by which the control plane knows it: at first, and when renewed."""


def directory_name(id: str) -> str:
    """A short name for a proxy's directories: readable by its beginning, distinct by its end."""
    readable = re.sub(r"[^a-z0-9-]", "-", id.rpartition("/")[2].lower())[:READABLE]
    return f"{readable}-{hashlib.sha256(id.encode()).hexdigest()[:DISTINCT]}"
