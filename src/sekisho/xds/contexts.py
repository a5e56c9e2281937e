"""Which TLS context a new connection gets: a fresh one each hour, so that no session is resumed for longer.

A client that comes back resumes its session (RFC 8446 section 2.2), for a quarter of what a handshake with
certificates costs. OpenSSL does not verify the certificate again then: it stands for what was found when the
context was new. So sessions end with their context, and that ends with whatever it vouched for.
"""

import ssl
import time
from collections.abc import Callable
from weakref import WeakSet

LIFETIME = 3_600.0
"""Seconds after which everybody shows a certificate again, however often a session was resumed."""
MOST_SESSIONS = 8_192
"""Sessions that are remembered, some 18 KB each once their connection is gone; who comes later is given none,
and shows its certificate again."""


class Contexts:
    """Makes contexts. Each has its own sessions: those of another are unknown to it."""

    def __init__(
        self, make: Callable[[], ssl.SSLContext], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`make` is called for each new one; see tls.server_context. `clock` gives seconds."""
        self._make = make
        self._clock = clock
        self._until = 0.0
        self._context: ssl.SSLContext | None = None
        self._alive: WeakSet[ssl.SSLContext] = WeakSet()
        """OpenSSL forgets the sessions of a context with its last connection, and not one by one."""

    def __call__(self) -> ssl.SSLContext:
        """The context for a new connection."""
        now = self._clock()
        context = self._context
        if context is None or now >= self._until:
            context = self._context = self._make()
            self._alive.add(context)
            self._until = now + LIFETIME
        remembered = sum(each.session_stats()["number"] for each in self._alive)
        context.num_tickets = 1 if remembered < MOST_SESSIONS else 0
        return context

    def renew(self) -> None:
        """Nobody resumes what there is: the certificate is another, or whom it trusts."""
        self._context = None
