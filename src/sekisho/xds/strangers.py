"""Connections whose client is not verified yet, by where they come from: nobody may hold them all."""


class Strangers:
    """Counts them. Each costs a TLS handshake and its buffers, before anything is known of whose it is."""

    def __init__(self, bound: int) -> None:
        """`bound`: at one time, from one source."""
        self._bound = bound
        self._waiting: dict[str, int] = {}

    def enter(self, source: str) -> bool:
        """Another one from this IP address; False when there are as many as may be."""
        waiting = self._waiting.get(source, 0)
        if waiting >= self._bound:
            return False
        self._waiting[source] = waiting + 1
        return True

    def leave(self, source: str) -> None:
        """One of them is verified, or gone."""
        waiting = self._waiting[source] - 1
        if waiting:
            self._waiting[source] = waiting
        else:
            del self._waiting[source]
