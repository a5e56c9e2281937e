"""Forwarding to the host's resolvers, over real sockets: whose answer counts, and what loops are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest
from tests.kit.ports import free_port
from tests.unit.agent.dns.test_answering import BOTH

from sekisho.agent.dns import forwarding
from sekisho.agent.dns.answering import Answering
from sekisho.agent.dns.forwarding import PATIENCE, Forwarder
from sekisho.agent.dns.records import Records
from sekisho.agent.dns.resolvers import Resolver, host_resolvers, parse
from sekisho.agent.dns.server import Listen, Server

Behaviour = Callable[[dns.message.Message], list[bytes]]


def good(query: dns.message.Message) -> list[bytes]:
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.1"))
    return [response.to_wire()]


def failing(query: dns.message.Message) -> list[bytes]:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.SERVFAIL)
    return [response.to_wire()]


def silent(_: dns.message.Message) -> list[bytes]:
    return []


def lying(query: dns.message.Message) -> list[bytes]:
    """Answers another question first, then with another number."""
    other = dns.message.make_query("other.test", "A", id=query.id)
    wrong = dns.message.make_response(query)
    wrong.id ^= 1
    return [wrong.to_wire(), *good(other)]


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, behaviour: Behaviour, heard: list[dns.message.Message]) -> None:
        self._behaviour, self._heard = behaviour, heard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self._heard.append(query)
        for answer in self._behaviour(query):
            self._transport.sendto(answer, addr)


class Upstream:
    """A resolver on the loopback."""

    def __init__(self, port: int) -> None:
        self.resolver = Resolver("127.0.0.1", port)
        self.heard: list[dns.message.Message] = []


@asynccontextmanager
async def upstream(behaviour: Behaviour) -> AsyncIterator[Upstream]:
    made = Upstream(free_port())

    async def by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        for answer in behaviour(dns.message.from_wire(query)):
            writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    place = ("127.0.0.1", made.resolver.port)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Protocol(behaviour, made.heard), local_addr=place
    )
    server = await asyncio.start_server(by_tcp, *place)
    try:
        yield made
    finally:
        transport.close()
        server.close()


QUERY = dns.message.make_query("www.example.test", "A")


async def forwarded(*resolvers: Resolver, datagram: bool = True) -> dns.message.Message:
    forwarder = Forwarder(lambda: resolvers)
    answer = dns.message.from_wire(await forwarder.forward(QUERY.to_wire(), datagram=datagram))
    assert answer.id == QUERY.id
    return answer


@pytest.mark.parametrize("datagram", [True, False])
async def test_the_first_good_answer_counts_whoever_else_fails_or_is_silent(datagram: bool) -> None:
    async with upstream(failing) as bad, upstream(silent) as none, upstream(good) as best:
        everybody = (bad.resolver, none.resolver, Resolver("127.0.0.1", free_port()), best.resolver)
        answer = await forwarded(*everybody, datagram=datagram)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.answer


async def test_a_bad_answer_is_better_than_none() -> None:
    async with upstream(failing) as bad:
        answer = await forwarded(bad.resolver, Resolver("127.0.0.1", free_port()))
    assert answer.rcode() == dns.rcode.SERVFAIL


async def test_without_any_answer_it_fails_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PATIENCE", 0.1)
    async with upstream(silent) as none:
        assert (await forwarded(none.resolver)).rcode() == dns.rcode.SERVFAIL
    assert (await forwarded()).rcode() == dns.rcode.SERVFAIL


async def test_a_lost_datagram_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "AGAIN_AFTER", 0.02)
    seen: list[int] = []

    def second_time(query: dns.message.Message) -> list[bytes]:
        seen.append(query.id)
        return good(query) if len(seen) > 1 else []

    async with upstream(second_time) as lossy:
        assert (await forwarded(lossy.resolver)).answer
    assert len(set(seen)) == 1


async def test_an_answer_to_another_question_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PATIENCE", 0.2)
    async with upstream(lying) as liar:
        assert (await forwarded(liar.resolver)).rcode() == dns.rcode.SERVFAIL


async def test_the_number_is_not_the_clients() -> None:
    numbers = set()
    async with upstream(good) as resolver:
        for _ in range(8):
            await forwarded(resolver.resolver)
        numbers = {query.id for query in resolver.heard}
    assert len(numbers) > 6


@asynccontextmanager
async def serving(*resolvers: Resolver) -> AsyncIterator[Resolver]:
    """Our own server, seen as a resolver."""
    place = Listen("127.0.0.1", free_port())
    server = Server(Answering(Records([BOTH], ["mesh.local"])), Forwarder(lambda: resolvers))
    async with server.listening([place]):
        yield Resolver(*place)


@pytest.mark.parametrize("datagram", [True, False])
async def test_the_server_answers_its_own_names_and_forwards_others(datagram: bool) -> None:
    mine = dns.message.make_query(BOTH.name, "A").to_wire()
    async with upstream(good) as resolver, serving(resolver.resolver) as server:
        assert (await forwarded(server, datagram=datagram)).answer[0][0].to_text() == "192.0.2.1"
        answer = await Forwarder(lambda: [server]).forward(mine, datagram=datagram)
    assert dns.message.from_wire(answer).answer[0][0].to_text() == "241.0.0.1"


async def test_resolvers_that_ask_us_back_end_in_a_failure_at_once() -> None:
    """`nameserver 127.0.0.1` with our server there must not spin."""
    place = Listen("127.0.0.1", free_port())
    server = Server(Answering(Records([], [])), Forwarder(lambda: [Resolver(*place)]))
    async with server.listening([place]), asyncio.timeout(PATIENCE - 1):
        assert (await forwarded(Resolver(*place))).rcode() == dns.rcode.SERVFAIL


async def test_one_tcp_connection_takes_many_questions() -> None:
    wire = dns.message.make_query(BOTH.name, "A").to_wire()
    async with serving() as server:
        reader, writer = await asyncio.open_connection(*server)
        writer.write((len(wire).to_bytes(2, "big") + wire) * 3)
        for _ in range(3):
            answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            assert dns.message.from_wire(answer).answer
        writer.close()


def test_all_nameservers_of_the_file_are_taken_once(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# x\nsearch a.b\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\nnameserver 10.0.0.1\nnameserver x\n"
    )
    known = host_resolvers(file)
    assert known() == (Resolver("10.0.0.1"), Resolver("fe80::1%eth0"))
    file.write_text("nameserver 10.0.0.2\n")
    assert known() == (Resolver("10.0.0.2"),)
    file.unlink()
    assert known() == (Resolver("10.0.0.2"),)
    assert parse("nameserver\n") == ()
