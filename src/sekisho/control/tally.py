"""What was refused since the start: how often, and when last, for `sekisho status` and for /metrics."""

from datetime import datetime
from enum import StrEnum

from sekisho.aio.clock import Clock
from sekisho.client.system_status import RefusalState
from sekisho.control import metrics
from sekisho.kit.clocks import rfc3339


class Refused(StrEnum):
    """What it was: `RefusalState.what`, and the label of the metric."""

    RESOURCE = "resource"
    """Of Envoy's, by a proxy (NACK)."""
    CONNECTION = "connection"
    """To xDS: its client had no certificate, or none of ours."""
    STREAM = "stream"
    """Of xDS: the proxy has a good certificate, but not for this, or not any more."""
    CALLER = "caller"
    """A call of the API without a token or certificate that is good (401)."""
    RIGHT = "right"
    """A call of the API that is not its caller's to make (403)."""
    LIMIT = "limit"
    """A call of the API by somebody who makes too many (429)."""
    MISTAKE = "mistake"
    """A call of the API that is wrong in itself (400, 413, 415, 422)."""
    STORE = "store"
    """A call of the API whose write the store did not take (503, 507)."""
    FAULT = "fault"
    """A call of the API that met a fault of ours (500)."""

    @classmethod
    def by_code(cls, code: int) -> "Refused | None":
        """Of an answer of the API; None for what is said in every good conversation (404, 409, 410)."""
        return _BY_CODE.get(code)


_BY_CODE = {
    **dict.fromkeys((400, 413, 415, 422), Refused.MISTAKE),
    401: Refused.CALLER,
    403: Refused.RIGHT,
    429: Refused.LIMIT,
    500: Refused.FAULT,
    **dict.fromkeys((503, 507), Refused.STORE),
}


class Tally:
    """Of one control plane."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counted: dict[Refused, tuple[int, datetime]] = {}

    def add(self, what: Refused) -> None:
        """Once more, just now."""
        count, _ = self._counted.get(what, (0, None))
        self._counted[what] = count + 1, self._clock.now()
        metrics.REFUSALS.labels(what.value).inc()

    def told(self) -> tuple[RefusalState, ...]:
        """Of everything that was refused at all."""
        found = ((what, *self._counted[what]) for what in Refused if what in self._counted)
        return tuple(
            RefusalState(what=what.value, count=count, last=rfc3339(last)) for what, count, last in found
        )
