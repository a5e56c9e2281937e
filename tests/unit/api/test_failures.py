"""What clients are told when the store or we ourselves fail."""

import pytest

from sekisho.store.protocol import StorageFull, StoreFailed

from .harness import ROUTES, Api, route


@pytest.mark.parametrize(
    ("failure", "code", "reason"),
    [
        (StorageFull("secret path"), 507, "InsufficientStorage"),
        (StoreFailed("secret path"), 503, "ServiceUnavailable"),
        (RuntimeError("secret path"), 500, "InternalError"),
    ],
)
async def test_a_failed_write_is_told_and_reads_go_on(
    api: Api, monkeypatch: pytest.MonkeyPatch, failure: Exception, code: int, reason: str
) -> None:
    async def fails(_: object) -> object:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(api.store, "write", fails)
        status = await api.refused(code, "POST", ROUTES, route())
        assert status["reason"] == reason
        assert "secret path" not in status["message"]
        assert (await api.ok("GET", ROUTES))["items"] == []
    await api.ok("POST", ROUTES, route())
