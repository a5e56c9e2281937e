"""Questions to zones: fetched, answered in parts, given up; and answers that are not what they should be."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from sekisho.app.zones import inquiries
from sekisho.app.zones.inquiries import Inquiries, NoAnswer, packed, unpacked
from sekisho.client.zones import InquiryAnswer, ZoneInquirySpec

NOTHING = ZoneInquirySpec()


async def asked(open_: Inquiries, zone: str = "gcp") -> "asyncio.Task[Mapping[str, Any]]":
    task = asyncio.ensure_future(open_.ask(zone, "Explanation", {"url": "http://cart"}))
    await asyncio.sleep(0)
    return task


async def test_a_question_is_fetched_by_its_zone_and_the_answer_comes_back() -> None:
    open_ = Inquiries()
    answer = await asked(open_)
    (inquiry,) = (await open_.fetch("gcp", NOTHING)).inquiries
    assert (inquiry.kind, inquiry.spec) == ("Explanation", {"url": "http://cart"})
    held = asyncio.ensure_future(open_.fetch("gcp", ZoneInquirySpec(answers=packed(inquiry.id, {"a": 1}))))
    assert await answer == {"a": 1}
    open_.stop()
    assert (await held).inquiries == ()


async def test_a_zone_that_waits_already_hears_the_question_at_once() -> None:
    open_ = Inquiries()
    held = asyncio.ensure_future(open_.fetch("gcp", NOTHING))
    await asyncio.sleep(0)
    answer = await asked(open_)
    assert len((await held).inquiries) == 1
    answer.cancel()


async def test_a_request_of_a_connection_that_is_gone_takes_no_question_away() -> None:
    open_ = Inquiries()
    old = asyncio.ensure_future(open_.fetch("gcp", NOTHING))
    await asyncio.sleep(0)
    new = asyncio.ensure_future(open_.fetch("gcp", NOTHING))
    await asyncio.sleep(0)
    answer = await asked(open_)
    assert [len((await one).inquiries) for one in (old, new)] == [0, 1]
    answer.cancel()


async def test_a_long_answer_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquiries, "PART", 8)
    open_, status = Inquiries(), {"resources": [f"resource {number}" for number in range(50)]}
    answer = await asked(open_)
    (inquiry,) = (await open_.fetch("gcp", NOTHING)).inquiries
    parts = packed(inquiry.id, status)
    assert len(parts) > 3
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    for part in parts:
        await open_.fetch("gcp", ZoneInquirySpec(answers=(part,), more=True))
    assert await answer == status


async def test_a_zone_answers_its_own_questions_only() -> None:
    open_ = Inquiries()
    answer = await asked(open_)
    (inquiry,) = (await open_.fetch("gcp", NOTHING)).inquiries
    forged = ZoneInquirySpec(answers=packed(inquiry.id, {"forged": True}), more=True)
    await open_.fetch("azure", forged)
    assert not answer.done()
    await open_.fetch("gcp", ZoneInquirySpec(answers=packed(inquiry.id, {"forged": False}), more=True))
    assert await answer == {"forged": False}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (InquiryAnswer(id="1", problem="zones are not asked that"), "zones are not asked that"),
        (InquiryAnswer(id="1", part="no base64!"), "cannot be read"),
        (InquiryAnswer(id="1", part="AAAA"), "cannot be read"),
        (packed("1", ["no object"])[0], "cannot be read"),  # type: ignore[arg-type]
    ],
)
async def test_an_answer_that_is_none_is_told_to_whoever_asked(said: InquiryAnswer, told: str) -> None:
    open_ = Inquiries()
    answer = await asked(open_)
    await open_.fetch("gcp", NOTHING)
    await open_.fetch("gcp", ZoneInquirySpec(answers=(said,), more=True))
    with pytest.raises(NoAnswer, match=told):
        await answer


async def test_a_zone_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquiries, "PATIENCE", 0.01)
    open_ = Inquiries()
    with pytest.raises(NoAnswer, match="the zone gcp does not answer"):
        await open_.ask("gcp", "Explanation", {})
    later = asyncio.ensure_future(open_.fetch("gcp", NOTHING))
    await asyncio.sleep(0)
    open_.stop()
    assert (await later).inquiries == ()


async def test_more_questions_than_a_zone_can_answer_are_refused() -> None:
    open_ = Inquiries()
    waiting = [await asked(open_) for _ in range(inquiries.AT_ONCE)]
    with pytest.raises(NoAnswer, match="to answer already"):
        await open_.ask("gcp", "Explanation", {})
    for one in waiting:
        one.cancel()


def test_an_answer_that_would_fill_the_memory_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    text = packed("1", {"zeros": "0" * 4096})[0].part
    monkeypatch.setattr(inquiries, "LARGEST_ANSWER", 1024)
    with pytest.raises(ValueError, match="more than"):
        unpacked(text)
