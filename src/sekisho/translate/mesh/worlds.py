"""What a sidecar sees: sidecars of equal worlds share one xDS view."""

from typing import NamedTuple

from sekisho.model.names import ResourceId


class Reach(NamedTuple):
    """One entry of `Workload.spec.sidecar.reachable`. A service is seen with all its ports, whichever is
    named, so that more workloads have one World."""

    kind: str
    """Service or ExternalService."""
    namespace: str
    name: str
    """Empty where labels choose."""
    labels: tuple[tuple[str, str], ...]
    """Sorted."""


class World(NamedTuple):
    """Everything about a workload that decides what its sidecar sees of others. A dictionary key.

    What is made for sidecars depends on a part of it only: on `profile`, `client` or `base`. So it is made
    for these, once, and every World gets what is made for its own three.
    """

    kind: str
    mesh: str
    namespace: str
    """Only where that namespace has routes or policies for its own clients; else empty."""
    selected: tuple[ResourceId, ...]
    """Policies for clients that pick the workload by its labels, sorted."""
    audience: tuple[str, ...]
    """The ways in which services admit it that some service uses (`audience.tokens`), sorted. Empty where
    `reach` says what it calls."""
    reach: tuple[Reach, ...] | None
    """What it says that it calls, sorted; None for everything that admits it."""
    outbound: str
    """The loopback range its outbounds are bound in; empty where connections are captured."""

    @classmethod
    def of(
        cls,
        mesh: str,
        *,
        namespace: str = "",
        selected: tuple[ResourceId, ...] = (),
        audience: tuple[str, ...] = (),
        reach: tuple[Reach, ...] | None = None,
        outbound: str = "",
    ) -> "World":
        return cls("World", mesh, namespace, selected, audience, reach, outbound)

    @property
    def profile(self) -> "World":
        """As far as names, addresses and listeners depend on it: without what is visible and what is not."""
        return self._replace(audience=(), reach=None)

    @property
    def client(self) -> "World":
        """As far as routes and policies look at callers: what they say is the same for all of one client."""
        return self._replace(audience=(), reach=None, outbound="")

    @property
    def base(self) -> "World":
        """The mesh alone: what is the same for all callers."""
        return World.of(self.mesh)

    def __str__(self) -> str:
        """Short, for logs: not unique."""
        parts = [self.mesh, self.namespace, self.outbound, *(str(one) for one in self.selected)]
        parts += ["all" if self.reach is None else f"{len(self.reach)} named"]
        return f"World({' '.join(part for part in parts if part)})"
