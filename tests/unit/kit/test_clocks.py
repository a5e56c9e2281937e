"""How far clocks are apart, in minutes and in words, and whether that does harm."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sekisho.kit.clocks import in_words, is_harmful, minutes_ahead, rfc3339, with_hint

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("apart", "minutes"),
    [(timedelta(hours=1), 60), (timedelta(hours=-25), -1500), (timedelta(seconds=20), 0)],
)
def test_clocks_are_compared_by_the_minute(apart: timedelta, minutes: int) -> None:
    assert minutes_ahead(NOON + apart, NOON) == minutes


@pytest.mark.parametrize(("minutes", "harmful"), [(0, False), (5, False), (-5, False), (6, True), (-6, True)])
def test_what_certificates_are_backdated_by_does_no_harm(minutes: int, harmful: bool) -> None:
    assert is_harmful(minutes) is harmful


def test_it_is_said_whose_clock_is_ahead() -> None:
    assert in_words(60, "global's") == "60 minutes ahead of global's"
    assert in_words(-7, "global's") == "7 minutes behind global's"


@pytest.mark.parametrize("reason", ["certificate is not yet valid", "certificate has expired"])
def test_who_fails_for_the_time_is_told_to_look_at_clocks(reason: str) -> None:
    failure = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {reason} (_ssl.c:1016)"
    assert with_hint(failure) == f"{failure}: compare the clocks of both hosts"


def test_other_failures_are_told_as_they_are() -> None:
    assert with_hint("connection refused") == "connection refused"


def test_moments_are_written_in_utc_as_kubernetes_does() -> None:
    moment = datetime(2026, 1, 1, 1, 2, 3, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(moment) == "2026-01-01T00:02:03Z"
