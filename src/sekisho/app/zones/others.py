"""What a control plane has to do with others: nothing, or what a zone or the global one has."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sekisho.api import Mount, Review, User
from sekisho.client.system_status import SystemStatus
from sekisho.model.problems import Invalid, Problem


class Others(Protocol):
    """The other control planes, as this one deals with them."""

    def reviews(self) -> Sequence[Review]:
        """What they post here."""
        ...

    def mounts(self) -> Sequence[Mount]:
        """Where else they call."""
        ...

    def completed(self, status: SystemStatus) -> SystemStatus:
        """With what is known of them."""
        ...

    async def ask(self, zone: str, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The status of a review as that zone answers it; None when it is this one.

        Raises Invalid, ApiError.
        """
        ...

    def answering(self, reviews: Sequence[Review]) -> None:
        """The reviews of this control plane, before anything runs: others may ask some of them, too."""
        ...

    def services(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """What runs for them as long as the control plane does, by name."""
        ...


class Alone:
    """Implements `Others` for a zone that joins none."""

    def __init__(self, zone: str) -> None:
        self._zone = zone

    def reviews(self) -> Sequence[Review]:
        return ()

    def mounts(self) -> Sequence[Mount]:
        return ()

    def completed(self, status: SystemStatus) -> SystemStatus:
        return status

    async def ask(self, zone: str, kind: str, spec: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """See `Others.ask`."""
        own_or_refused(self._zone, zone)

    def answering(self, reviews: Sequence[Review]) -> None:
        """Nobody asks."""

    def services(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        return {}


def own_or_refused(own: str, zone: str) -> None:
    """A zone answers for itself alone. Raises Invalid."""
    if zone != own:
        problem = f"this is the zone {own}; the global control plane is whom to ask about others"
        raise Invalid([Problem("spec.zone", problem)])


def reaching(review: Review, others: Others) -> Review:
    """The same review, answered by the zone that its spec names, if it does."""

    async def handler(user: User, document: dict[str, Any]) -> Mapping[str, Any]:
        spec = document.get("spec")
        zone = spec.get("zone") if isinstance(spec, Mapping) else None
        if isinstance(spec, Mapping) and isinstance(zone, str) and zone:
            answer = await others.ask(zone, review.kind, {key: spec[key] for key in spec if key != "zone"})
            if answer is not None:
                return {"spec": spec, "status": answer}
        return await review.handler(user, document)

    return replace(review, handler=handler)
