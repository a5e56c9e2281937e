"""What was refused since the start."""

import pytest
from tests.kit.clock import FakeClock

from sekisho.client.system_status import RefusalState
from sekisho.control.tally import Refused, Tally


def test_each_kind_is_counted_with_its_last_time_and_what_never_came_is_not_told() -> None:
    clock = FakeClock()
    tally = Tally(clock)
    assert tally.told() == ()
    tally.add(Refused.RIGHT)
    clock.advance(60)
    tally.add(Refused.RIGHT)
    tally.add(Refused.RESOURCE)
    assert tally.told() == (
        RefusalState(what="resource", count=1, last="2026-01-01T00:01:00Z"),
        RefusalState(what="right", count=2, last="2026-01-01T00:01:00Z"),
    )


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (400, Refused.MISTAKE),
        (401, Refused.CALLER),
        (403, Refused.RIGHT),
        (422, Refused.MISTAKE),
        (429, Refused.LIMIT),
        (500, Refused.FAULT),
        (503, Refused.STORE),
        (507, Refused.STORE),
        *((code, None) for code in (404, 409, 410)),
    ],
)
def test_an_answer_that_belongs_to_every_conversation_is_no_refusal(code: int, what: Refused | None) -> None:
    assert Refused.by_code(code) is what
