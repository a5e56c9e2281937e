"""Asks the host's resolvers, all at once; the first good answer counts."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable

import dns.exception
import dns.rcode
import structlog

from sekisho.agent.dns.answering import failure, question_of
from sekisho.agent.dns.resolvers import Resolver

log = structlog.get_logger()

PATIENCE = 4.0
"""Seconds for all of it; resolv.conf(5) gives a client 5 for one attempt, after which it asks again."""
AGAIN_AFTER = 1.5
"""Seconds after which a datagram that may have been lost is sent once more."""
MOST_QUESTIONS = 512
"""Forwarded at one time; more are refused, so that an application in a loop does not take all files."""
LARGEST = 65_535
_GOOD = {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
_CODE = 0x0F

Ask = Callable[[Resolver, bytes], Awaitable[bytes]]


class Forwarder:
    """Passes queries on as they are, with a number and a source port nobody can guess."""

    def __init__(self, resolvers: Callable[[], Iterable[Resolver]]) -> None:
        self._resolvers = resolvers
        self._asked: set[bytes] = set()

    async def forward(self, query: bytes, *, datagram: bool) -> bytes:
        """The answer of the first resolver that has one, else a bad one, else SERVFAIL.

        The way is the client's: an answer too long for UDP is passed on cut, and the client asks by TCP.
        """
        try:
            question = question_of(query)
        except dns.exception.DNSException:
            return failure(query, dns.rcode.FORMERR)
        if query[:2] + question in self._asked:  # our own question, come back: somebody forwards to us
            log.warning("a resolver of this host asks us what we ask it", resolvers=list(self._resolvers()))
            return failure(query, dns.rcode.SERVFAIL)
        if len(self._asked) >= MOST_QUESTIONS:
            return failure(query, dns.rcode.REFUSED)
        ours = self._number(question) + query[2:]
        asked = ours[:2] + question
        self._asked.add(asked)
        try:
            answer = await self._first_good(ours, question, _by_udp if datagram else _by_tcp)
        finally:
            self._asked.discard(asked)
        return query[:2] + answer[2:]

    def _number(self, question: bytes) -> bytes:
        while (number := secrets.token_bytes(2)) + question in self._asked:
            pass
        return number

    async def _first_good(self, query: bytes, question: bytes, ask: Ask) -> bytes:
        bad = failure(query, dns.rcode.SERVFAIL)
        tasks = [
            asyncio.ensure_future(_matching(ask, resolver, query, question)) for resolver in self._resolvers()
        ]
        try:
            for task in asyncio.as_completed(tasks, timeout=PATIENCE):
                try:
                    answer = await task
                except (OSError, EOFError):
                    continue
                if answer[3] & _CODE in _GOOD:
                    return answer
                bad = answer
        except TimeoutError:
            pass
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.wait(tasks) if tasks else None
        return bad


async def _matching(ask: Ask, resolver: Resolver, query: bytes, question: bytes) -> bytes:
    """The resolver's answer. Raises OSError when it is not one to this question (RFC 5452 section 9.1)."""
    answer = await ask(resolver, query)
    try:
        is_answer = answer[:2] == query[:2] and answer[2] & 0x80 and _same(question_of(answer), question)
    except (dns.exception.DNSException, IndexError):
        is_answer = False
    if not is_answer:
        raise OSError(f"{resolver.address} answered something else")
    return answer


def _same(answered: bytes, asked: bytes) -> bool:
    # Errors may come without the question.
    return not answered or answered.lower() == asked.lower()


class _Datagrams(asyncio.DatagramProtocol):
    """Keeps what arrives with the right number; of a connected socket, so from the right place."""

    def __init__(self, number: bytes) -> None:
        self._number = number
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  asyncio's signature
        if data[:2] == self._number and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _by_udp(resolver: Resolver, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: _Datagrams(query[:2]), remote_addr=(resolver.address, resolver.port)
    )
    try:
        transport.sendto(query)
        done, _ = await asyncio.wait({protocol.answer}, timeout=AGAIN_AFTER)
        if not done:
            transport.sendto(query)
        return await protocol.answer
    finally:
        transport.close()
        protocol.answer.cancel()


async def _by_tcp(resolver: Resolver, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*resolver)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        length = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(length)
    finally:
        writer.close()
