"""How much one connection may cost, and how long it may take. Every bound of the transports, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are seconds, sizes octets."""

    handshake: float = 5.0
    """From the accepted connection to a verified client certificate."""
    strangers: int = 2_048
    """Connections from one IP address that are in their handshake; more are cut at once. A host's proxies may
    all come back together; some 50 KB each."""
    first_request: float = 10.0
    """From there to the first complete discovery request."""
    keepalive: float = 30.0
    """Silence after which the peer is sent a PING."""
    keepalive_answer: float = 10.0
    """How long it has to say anything after that."""
    stuck: float = 60.0
    """Without a single octet taken while some are waiting, or without an answer to a response."""
    message: int = 4 * 2**20
    """One request. The names and versions of 40,000 resources are about 3.6 MB."""
    node: int = 2**16
    """The serialised `Node` of a first request, metadata included."""
    streams: int = 8
    """Concurrent streams per connection: a proxy's and its agent's, a successor of each while the first is
    being given up, and as many again. Who wants more waits for a place, and says nothing of it."""
    stream_burst: int = 4_096
    """New streams that one identity may begin at once: as many as proxies that share a certificate are ever
    likely to be, when all come back together."""
    stream_rate: float = 100.0
    """The same, regained per second (reliability.md 5.4): what a proxy costs that only ever reconnects."""
    identity_streams: int = 8_192
    """Concurrent streams of one identity, on all its connections: two for each proxy of a host, its own and
    its agent's. Some 30 KB each."""
    header_list: int = 2**14
    """Decoded header fields, counted as in RFC 9113 section 6.5.2; the encoded block is held to the same."""
    continuations: int = 8
    """CONTINUATION frames per header block."""
    receive_window: int = 2**18
    """Flow-control window given to the peer, per stream and, twice that, per connection."""
    nuisance_burst: int = 256
    """Frames without use (PING, SETTINGS, RST_STREAM, empty DATA, …) taken at once before the connection is
    cut. What is sent to the peer earns it new ones, since its transport answers with such frames."""
    nuisance_rate: float = 16.0
    """The same, regained per second."""
    request_burst: int = 20_000
    """Discovery requests taken at once. A new proxy asks for its endpoint sets one by one."""
    request_rate: float = 200.0
    """The same, regained per second."""
    write_buffer: int = 2**16
    """Octets in the kernel-facing buffer above which sending pauses; what waits is shared, not copied."""


class Budget:
    """A bucket of tolerance that refills with time."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, burst: float, rate: float) -> None:
        """Starts full: `burst` units, regained at `rate` a second."""
        self._burst = self._left = burst
        self._rate = rate
        self._at = 0.0

    def spend(self, units: float, now: float) -> bool:
        """Takes `units`. Returns False when there are not so many left."""
        if now > self._at:
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
        self._left -= units
        return self._left >= 0

    def earn(self, units: float) -> None:
        """Gives some back."""
        self._left = min(self._burst, self._left + units)
