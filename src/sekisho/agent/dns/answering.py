"""Answers DNS queries from records: bytes in, bytes out; what is not ours is left to others.

RFC 1035, 2308 (negative answers), 6891 (EDNS), 8020 (empty names), 9619 (one question).
"""

from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from sekisho.agent.dns.records import Records

TIME_TO_LIVE = 5
"""Seconds a client may keep an answer. Addresses of services are for life; those of headless ones are not."""
LARGEST_DATAGRAM = 1232
"""Bytes of a UDP answer that need no fragments on any network (DNS Flag Day 2020)."""
SMALLEST_DATAGRAM = 512
"""Bytes of a UDP answer for clients that do not say how much they take (RFC 1035)."""
REMEMBERED = 4096
"""Answers kept until records change: working one out takes 0.5 ms, and clients ask the same all the time."""
_HEADER = 12
"""Bytes of a DNS header, which begins with the two of the query's number."""
_TYPES = {4: "A", 6: "AAAA"}


class Answering:
    """Answers from the records of now."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._kept: dict[tuple[bool, bytes], bytes] = {}

    def use(self, records: Records) -> None:
        """From now on these count."""
        self._records = records
        self._kept.clear()

    def answer(self, query: bytes, *, datagram: bool) -> bytes | None:
        """The answer; None when somebody else is to be asked. An empty one: do not answer at all.

        `datagram`: it goes by UDP, so it is cut to what the client takes.
        """
        key = datagram, query[2:]
        if kept := self._kept.get(key):
            return query[:2] + kept
        found = self._work_out(query, datagram=datagram)
        if found and len(self._kept) < REMEMBERED:
            self._kept[key] = found[2:]
        return found

    def _work_out(self, query: bytes, *, datagram: bool) -> bytes | None:
        if len(query) < _HEADER or query[2] & 0x80:  # an answer: answering it could go on for ever
            return b""
        try:
            message = dns.message.from_wire(query)
            if len(message.question) != 1 and message.opcode() == dns.opcode.QUERY:
                return failure(query, dns.rcode.FORMERR)
            response = self._respond(message)
            return None if response is None else _bytes(message, response, datagram=datagram)
        except (dns.exception.DNSException, ValueError):
            return failure(query, dns.rcode.FORMERR)

    def _respond(self, query: dns.message.Message) -> dns.message.Message | None:
        if query.opcode() != dns.opcode.QUERY:
            return _empty(query, dns.rcode.NOTIMP)
        if query.edns > 0:
            return _empty(query, dns.rcode.BADVERS)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        record = self._records.find(name)
        zone = self._records.zone(name)
        if record is None and zone is None:
            return None
        response = _empty(query, dns.rcode.NOERROR)
        response.flags |= dns.flags.AA
        if record is None and not self._records.has_below(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        addresses = record.addresses if record else ()
        texts = [text for text in addresses if _wants(question, text)]
        if texts:
            kind = dns.rdatatype.to_text(question.rdtype)
            response.answer.append(dns.rrset.from_text_list(question.name, TIME_TO_LIVE, "IN", kind, texts))
        else:
            response.authority.append(_start_of_authority(zone or name))
        return response


def failure(query: bytes, code: dns.rcode.Rcode) -> bytes:
    """An answer that only says what went wrong; it needs no more of the query than its header."""
    flags = dns.flags.QR | dns.flags.RA | (int.from_bytes(query[2:4], "big") & dns.flags.RD)
    opcode = int.from_bytes(query[2:4], "big") & 0x7800
    return query[:2] + (flags | opcode | code).to_bytes(2, "big") + bytes(8)


def question_of(query: bytes) -> bytes:
    """The question section of a message, names as they were written. Raises dns.exception.DNSException."""
    message = dns.message.from_wire(query, question_only=True)
    return b"".join(
        (each.name.to_wire() or b"") + each.rdtype.to_bytes(2, "big") + each.rdclass.to_bytes(2, "big")
        for each in message.question
    )


def _wants(question: dns.rrset.RRset, address: str) -> bool:
    kind = _TYPES[ip_address(address).version]
    return question.rdclass == dns.rdataclass.IN and dns.rdatatype.to_text(question.rdtype) == kind


def _empty(query: dns.message.Message, code: dns.rcode.Rcode) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=True, our_payload=LARGEST_DATAGRAM)
    response.set_rcode(code)
    return response


def _bytes(query: dns.message.Message, response: dns.message.Message, *, datagram: bool) -> bytes:
    if not datagram:
        return response.to_wire()
    taken = max(SMALLEST_DATAGRAM, query.payload) if query.edns >= 0 else SMALLEST_DATAGRAM
    return response.to_wire(max_size=min(taken, LARGEST_DATAGRAM), prefer_truncation=True)


def _start_of_authority(zone: str) -> dns.rrset.RRset:
    """Tells resolvers how long "there is nothing" may be kept (RFC 2308 section 3)."""
    timers = f"1 {TIME_TO_LIVE} {TIME_TO_LIVE} {TIME_TO_LIVE} {TIME_TO_LIVE}"
    apex = dns.name.from_text(zone)
    return dns.rrset.from_text(apex, TIME_TO_LIVE, "IN", "SOA", f"{apex} hostmaster.{apex} {timers}")
