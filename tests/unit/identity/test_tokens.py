"""Bearer tokens: who gets in, who no longer does, and what is on the disk."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.kit.clock import FakeClock

from sekisho.aio.clock import SystemClock
from sekisho.aio.repeats import EVERY
from sekisho.identity.tokens import (
    ADMIN_LIFETIME,
    ALL_PROXIES,
    Role,
    Tokens,
    TokensBroken,
    covers,
    is_pattern,
)

HOUR = timedelta(hours=1)


class Clock(SystemClock):
    time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Tokens:
    return Tokens(tmp_path / "tokens.json", clock)


@pytest.mark.parametrize("role", Role)
def test_the_holder_of_a_token_is_known_by_name_and_role(tokens: Tokens, role: Role) -> None:
    found = tokens.authenticate(tokens.issue("host-1", role, HOUR).reveal())
    assert found is not None
    assert (found.name, found.role) == ("host-1", role)


def test_a_token_has_256_random_bits(tokens: Tokens) -> None:
    texts = {tokens.issue("a", Role.READER, HOUR).reveal().split("_", 2)[2] for _ in range(20)}
    assert len(texts) == 20
    assert all(len(text) == 43 for text in texts)


def test_nothing_else_gets_in(tokens: Tokens) -> None:
    good = tokens.issue("a", Role.ADMIN, HOUR).reveal()
    flipped = good[:-1] + ("A" if good[-1] != "A" else "B")
    other_id = good.replace(good.split("_")[1], "0" * 12)
    for text in (
        "",
        "_",
        "__",
        "sekisho__",
        flipped,
        other_id,
        good[:-1],
        good + "x",
        good * 50,
        good.upper(),
        "ü_ü_ü",
        "\udc80_a_b",
    ):
        assert tokens.authenticate(text) is None


def test_an_expired_token_is_refused_from_its_moment_on(tokens: Tokens, clock: Clock) -> None:
    text = tokens.issue("a", Role.ADMIN, HOUR).reveal()
    clock.time += HOUR - timedelta(seconds=1)
    assert tokens.authenticate(text)
    clock.time += timedelta(seconds=1)
    assert tokens.authenticate(text) is None


def test_a_revoked_token_is_refused_at_once_and_after_a_restart(
    tokens: Tokens, tmp_path: Path, clock: Clock
) -> None:
    text, other = (tokens.issue(name, Role.ADMIN, HOUR).reveal() for name in "ab")
    held = tokens.authenticate(text)
    assert held
    assert tokens.revoke(held.id)
    assert not tokens.is_valid(held)
    assert not tokens.revoke(held.id)
    for those in (tokens, Tokens(tmp_path / "tokens.json", clock)):
        assert those.authenticate(text) is None
        assert those.authenticate(other)


def test_the_disk_has_only_hashes_in_a_0600_file(tokens: Tokens, tmp_path: Path) -> None:
    text = tokens.issue("a", Role.ADMIN, HOUR).reveal()
    file = tmp_path / "tokens.json"
    assert text.split("_", 2)[2].encode() not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_expired_tokens_leave_the_file(tokens: Tokens, clock: Clock, tmp_path: Path) -> None:
    tokens.issue("old", Role.ADMIN, HOUR)
    clock.time += 2 * HOUR
    tokens.issue("new", Role.ADMIN, HOUR)
    assert [token.name for token in Tokens(tmp_path / "tokens.json", clock).all()] == ["new"]


def test_a_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    for damage in (b"", b"{", b'{"tokens": [{"id": 1}]}', b"{}"):
        (tmp_path / "tokens.json").write_bytes(damage)
        with pytest.raises(TokensBroken, match="cannot be read"):
            Tokens(tmp_path / "tokens.json")


def test_a_write_that_fails_changes_nothing(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tokens.issue("a", Role.ADMIN, HOUR).reveal()
    held = tokens.authenticate(text)
    assert held

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sekisho.identity.files.os.fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        tokens.revoke(held.id)
    assert tokens.authenticate(text)


def test_the_admin_token_is_made_once_in_a_0600_file(tokens: Tokens, tmp_path: Path) -> None:
    file = tokens.ensure_admin(tmp_path / "admin.token")
    text = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = tokens.authenticate(text)
    assert found
    assert (found.name, found.role) == ("admin", Role.ADMIN)
    assert tokens.ensure_admin(file).read_text().strip() == text


def test_the_admin_token_is_renewed_past_half_of_its_life_and_the_old_one_lives_out_its_time(
    tokens: Tokens, tmp_path: Path, clock: Clock
) -> None:
    file = tmp_path / "admin.token"
    old = tokens.ensure_admin(file).read_text().strip()
    clock.time += ADMIN_LIFETIME * 0.6
    new = tokens.ensure_admin(file).read_text().strip()
    assert new != old
    assert tokens.authenticate(old)
    assert tokens.authenticate(new)


def test_a_file_with_a_token_of_another_role_is_replaced(tokens: Tokens, tmp_path: Path) -> None:
    file = tokens.ensure(tmp_path / "t", "host", Role.AGENT, HOUR)
    tokens.ensure_admin(file)
    found = tokens.authenticate(file.read_text().strip())
    assert found
    assert found.role is Role.ADMIN


def test_the_mode_of_an_existing_directory_is_left_alone(tokens: Tokens, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    tokens.ensure_admin(tmp_path / "shared/admin.token")
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("patterns", "covered", "left_out"),
    [
        (("*",), ("gateway/shop/web", "workload/shop/cart-1"), ()),
        (
            ("workload/shop/cart-1",),
            ("workload/shop/cart-1",),
            ("workload/shop/cart-12", "gateway/shop/cart-1"),
        ),
        (("gateway/shop/*",), ("gateway/shop/web",), ("gateway/shop2/web", "workload/shop/web")),
        (("workload/*",), ("workload/shop/web",), ("gateway/shop/web",)),
        ((), (), ("gateway/shop/web",)),
    ],
)
def test_a_token_speaks_for_its_proxies_only(
    tokens: Tokens, patterns: tuple[str, ...], covered: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    found = tokens.authenticate(tokens.issue("host-1", Role.AGENT, HOUR, patterns).reveal())
    assert found is not None
    assert all(covers(found.proxies, proxy) for proxy in covered)
    assert not any(covers(found.proxies, proxy) for proxy in left_out)


@pytest.mark.parametrize("text", ["*", "gateway/*", "workload/shop/*", "workload/shop/cart-1"])
def test_patterns_of_proxies_are_known(text: str) -> None:
    assert is_pattern(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "**",
        "shop/web",
        "gateway",
        "gateway/",
        "gateway/*/web",
        "gateway/shop/w*",
        "agent/a/b",
        "workload/a/b/c",
    ],
)
def test_what_is_no_pattern_of_proxies_is_known(text: str) -> None:
    assert not is_pattern(text)


def test_a_join_token_is_good_once_and_a_replay_is_logged(
    tokens: Tokens, tmp_path: Path, clock: Clock
) -> None:
    text = tokens.issue("workload/shop/cart-1", Role.JOIN, HOUR, ("workload/shop/cart-1",)).reveal()
    held = tokens.authenticate(text)
    assert held
    assert tokens.spend(held.id)
    with capture_logs() as logs:
        assert not tokens.spend(held.id)
        assert tokens.authenticate(text) is None
        assert Tokens(tmp_path / "tokens.json", clock).authenticate(text) is None
    assert [line["token"] for line in logs] == [held.id] * 2, "once before and once after a restart"
    assert {line["log_level"] for line in logs} == {"warning"}
    assert not tokens.is_valid(held)
    assert tokens.all() == ()


def test_a_client_that_sends_an_ended_token_on_and_on_does_not_fill_the_log(tmp_path: Path) -> None:
    clock = FakeClock()
    tokens = Tokens(tmp_path / "tokens.json", clock)
    texts = [tokens.issue(name, Role.READER, timedelta(minutes=1)).reveal() for name in ("ada", "bob")]
    clock.advance(60)
    with capture_logs() as logs:
        for _ in range(100):
            assert [tokens.authenticate(text) for text in texts] == [None, None]
        clock.advance(EVERY)
        assert tokens.authenticate(texts[0]) is None
    assert [(line["name"], line.get("not_written_before")) for line in logs] == [
        ("ada", None), ("bob", None), ("ada", 99),
    ]  # fmt: skip
    assert not any(text in repr(logs) for text in texts)


def test_a_revoked_or_ended_join_token_cannot_be_spent(tokens: Tokens, clock: Clock) -> None:
    revoked, ended = (tokens.authenticate(tokens.issue(name, Role.JOIN, HOUR).reveal()) for name in "ab")
    assert revoked
    assert ended
    tokens.revoke(revoked.id)
    clock.time += HOUR
    assert not tokens.spend(revoked.id)
    assert not tokens.spend(ended.id)


def test_a_file_with_a_token_for_other_proxies_is_replaced(tokens: Tokens, tmp_path: Path) -> None:
    file = tokens.ensure(tmp_path / "t", "host", Role.AGENT, HOUR)
    before = file.read_text()
    tokens.ensure(file, "host", Role.AGENT, HOUR, ALL_PROXIES)
    assert file.read_text() != before
