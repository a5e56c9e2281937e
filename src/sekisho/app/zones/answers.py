"""A zone answers what is asked of it at the global control plane, as far as it lets itself be asked."""

import random
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.api import ApiError, Review, User
from sekisho.app.zones.inquiries import packed
from sekisho.client import Client, ClientError, Unauthorized
from sekisho.client.reviews import ask
from sekisho.client.zones import Inquiry, InquiryAnswer, ZoneInquiryAnswer, ZoneInquirySpec
from sekisho.identity.tokens import Role
from sekisho.model.problems import Invalid

log = structlog.get_logger(__name__)

OPEN = frozenset({"Explanation", "Permission", "ConfigDump", "SystemStatus"})
"""What may be asked: what only looks, and shows no key. Nothing that changes this zone."""
ASKER = User("the global control plane", frozenset({Role.ADMIN.value}))


class Answers:
    """Fetches questions and answers them, one after another."""

    def __init__(self, client: Callable[[], Client], refused: Callable[[], None], clock: Clock) -> None:
        """`client` calls global as this zone; `refused` is told when our certificate is not taken."""
        self._client = client
        self._refused = refused
        self._clock = clock
        self._reviews: dict[str, Review] = {}

    def by(self, reviews: Sequence[Review]) -> None:
        """From now on these answer, as far as they are open."""
        self._reviews = {review.kind: review for review in reviews if review.kind in OPEN}

    async def run(self) -> None:
        """Until cancelled; while global cannot be reached, it is tried again."""
        backoff = Backoff(random.random, first=0.2, limit=5.0)
        parts: deque[InquiryAnswer] = deque()
        while True:
            sent = (parts.popleft(),) if parts else ()
            spec = ZoneInquirySpec(answers=sent, more=bool(parts))
            try:
                found = await ask(self._client(), "ZoneInquiry", spec, ZoneInquiryAnswer)
            except ClientError as error:  # the mirrors tell of it, which go the same way
                if isinstance(error, Unauthorized):
                    self._refused()
                parts.clear()
                await self._clock.sleep(backoff.next())
                continue
            backoff.reset()
            for inquiry in found.inquiries:
                parts.extend(await self._answered(inquiry))

    async def _answered(self, inquiry: Inquiry) -> tuple[InquiryAnswer, ...]:
        review = self._reviews.get(inquiry.kind)
        if review is None:
            return (InquiryAnswer(id=inquiry.id, problem=f"zones are not asked for a {inquiry.kind}"),)
        log.info("asked by the global control plane", kind=inquiry.kind)
        try:
            answer = await review.handler(ASKER, {"spec": inquiry.spec})
        except Invalid as error:
            told = "; ".join(f"{problem.path}: {problem.message}" for problem in error.problems)
            return (InquiryAnswer(id=inquiry.id, problem=told),)
        except ApiError as error:
            return (InquiryAnswer(id=inquiry.id, problem=error.message),)
        return packed(inquiry.id, answer["status"])
