"""Questions a global control plane asks its zones: each waits until the zone, which dials, fetches it."""

import asyncio
import base64
import itertools
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sekisho.client.zones import Inquiry, InquiryAnswer, ZoneInquiryAnswer, ZoneInquirySpec

PATIENCE = 10.0
"""Seconds for a zone to answer."""
POLL = 20.0
"""Seconds that a zone's request is held while there is nothing to ask."""
LARGEST_ANSWER = 64 << 20
"""Bytes of JSON that an answer may have: a zone must not fill our memory."""
PART = 512 << 10
"""Characters of one part of an answer: below the largest body that the API takes."""
AT_ONCE = 16
"""Questions to one zone that are not answered yet; more are refused."""


class NoAnswer(Exception):
    """The zone did not answer, or says why it does not; the message is for whoever asked."""


@dataclass(slots=True)
class _Asked:
    """A question on its way."""

    inquiry: Inquiry
    answer: "asyncio.Future[Mapping[str, Any]]"
    parts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Zone:
    """What one zone is asked."""

    asked: dict[str, _Asked] = field(default_factory=dict)
    waiting: list[Inquiry] = field(default_factory=list)
    """Those it has not fetched yet."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Of the newest request that is held; the ones before it may be of a connection that is gone."""


class Inquiries:
    """All questions that are open now."""

    def __init__(self) -> None:
        self._zones: dict[str, _Zone] = {}
        self._ids = itertools.count(1)

    async def ask(self, zone: str, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """The status of the review as the zone answers it. Raises NoAnswer."""
        known = self._zones.setdefault(zone, _Zone())
        if len(known.asked) >= AT_ONCE:
            raise NoAnswer(f"the zone {zone} has {AT_ONCE} questions to answer already")
        inquiry = Inquiry(id=str(next(self._ids)), kind=kind, spec=dict(spec))
        asked = _Asked(inquiry, asyncio.get_running_loop().create_future())
        known.asked[inquiry.id] = asked
        known.waiting.append(inquiry)
        known.arrived.set()
        try:
            async with asyncio.timeout(PATIENCE):
                return await asked.answer
        except TimeoutError:
            raise NoAnswer(f"the zone {zone} does not answer") from None
        finally:
            del known.asked[inquiry.id]
            known.waiting = [one for one in known.waiting if one.id != inquiry.id]

    def stop(self) -> None:
        """Lets go of the requests that are held."""
        for known in self._zones.values():
            known.arrived.set()

    async def fetch(self, zone: str, spec: ZoneInquirySpec) -> ZoneInquiryAnswer:
        """A zone answers what it fetched before, and waits for more."""
        known = self._zones.setdefault(zone, _Zone())
        for answer in spec.answers:
            _take(known, answer)
        known.arrived.set()
        mine = known.arrived = asyncio.Event()
        if not known.waiting and not spec.more:
            await _until(mine)
        if known.arrived is not mine:
            return ZoneInquiryAnswer()
        inquiries, known.waiting = tuple(known.waiting), []
        return ZoneInquiryAnswer(inquiries=inquiries)


async def _until(arrived: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(POLL):
            await arrived.wait()
    except TimeoutError:
        pass


def _take(known: _Zone, answer: InquiryAnswer) -> None:
    asked = known.asked.get(answer.id)
    if asked is None or asked.answer.done():
        return  # whoever asked waits no longer
    asked.parts.append(answer.part)
    if answer.problem:
        asked.answer.set_exception(NoAnswer(answer.problem))
    elif answer.last:
        try:
            asked.answer.set_result(unpacked("".join(asked.parts)))
        except ValueError as error:
            asked.answer.set_exception(NoAnswer(f"the answer cannot be read: {error}"))
    elif sum(map(len, asked.parts)) > LARGEST_ANSWER:
        asked.answer.set_exception(NoAnswer("the answer is too long"))


def packed(id_: str, status: Mapping[str, Any]) -> tuple[InquiryAnswer, ...]:
    """An answer in parts."""
    text = base64.b64encode(zlib.compress(json.dumps(status).encode())).decode()
    parts = [text[begin : begin + PART] for begin in range(0, len(text), PART)]
    return tuple(
        InquiryAnswer(id=id_, part=part, last=number == len(parts)) for number, part in enumerate(parts, 1)
    )


def unpacked(text: str) -> Mapping[str, Any]:
    """The answer in all its parts. Raises ValueError."""
    inflating = zlib.decompressobj()
    try:
        plain = inflating.decompress(base64.b64decode(text, validate=True), LARGEST_ANSWER)
    except zlib.error as cause:
        raise ValueError(str(cause)) from cause
    if inflating.unconsumed_tail:
        raise ValueError(f"it has more than {LARGEST_ANSWER >> 20} MiB")
    found = json.loads(plain)
    if not isinstance(found, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - a wrong value sent to us, not a wrong call
    return found
