"""What a sidecar sees: sidecars of equal worlds share one xDS view."""

from typing import NamedTuple, TypeAlias

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


Place: TypeAlias = tuple[tuple[str, str], ...]
"""Where a caller is, as far as policies look at it: label and value, sorted; empty for labels it has not."""


class World(NamedTuple):
    """Everything about a workload that decides what its sidecar sees of others. A dictionary key.

    What is made for sidecars depends on a part of it only: on `profile`, `client`, `named` or `located`.
    So it is made for these, once, and every World gets what is made for its own four.
    """

    kind: str
    """`World`; `Names` in `named` alone, which no other part is to be taken for."""
    mesh: str
    namespace: str
    """Only where that namespace has routes or policies for its own clients; else empty."""
    selected: tuple[ResourceId, ...]
    """Policies for clients that pick the workload by its labels, sorted."""
    audience: tuple[str, ...]
    """The ways in which services admit it that some service uses (`audience.tokens`), sorted. Empty where
    `reach` says all that it calls."""
    reach: tuple[Reach, ...] | None
    """What it says that it calls, sorted; None for everything that admits it."""
    outbound: str
    """The loopback range its outbounds are bound in; empty where connections are captured."""
    place: Place | None = None
    """None where no policy looks at places: then all endpoints are alike, but for their zones."""
    on_demand: bool = False
    """Whether `reach` is only what is known from the start: the ways to all else that admits it are fetched
    at first use. Never where `reach` is None: nothing is left then."""

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
        place: Place | None = None,
    ) -> "World":
        return cls("World", mesh, namespace, selected, audience, reach, outbound, place)

    @property
    def profile(self) -> "World":
        """As far as listeners depend on it: without what is visible and what is not."""
        return self._replace(audience=(), reach=None, place=None)

    @property
    def named(self) -> "World | None":
        """As far as host names depend on it: the mesh alone. None where nothing is captured, as nobody asks
        an agent for names there."""
        return None if self.outbound else World.of(self.mesh)._replace(kind="Names")

    @property
    def client(self) -> "World":
        """As far as routes and policies look at callers: what they say is the same for all of one client."""
        more = self.audience or self.outbound or self.on_demand
        if not more and self.reach is None and self.place is None:
            return self
        return self._replace(audience=(), reach=None, outbound="", place=None, on_demand=False)

    @property
    def located(self) -> "World":
        """As far as endpoints depend on it: the mesh alone, or a client at a place where policies look at
        places."""
        if self.place is None:
            return World.of(self.mesh)
        return self._replace(audience=(), reach=None, outbound="", on_demand=False)

    @property
    def parts(self) -> frozenset["World"]:
        """All that anything is made for that it gets."""
        made_for = (self.profile, self.client, self.named, self.located)
        return frozenset(part for part in made_for if part is not None)

    def __str__(self) -> str:
        """Short, for logs: not unique."""
        parts = [self.mesh, self.namespace, self.outbound, *(str(one) for one in self.selected)]
        parts += [f"{key}={value}" for key, value in self.place or ()]
        parts += ["all" if self.reach is None else f"{len(self.reach)} named"]
        parts += ["and the rest on demand"] if self.on_demand else []
        return f"World({' '.join(part for part in parts if part)})"
