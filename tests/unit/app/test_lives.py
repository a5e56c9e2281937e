"""A control plane watches the certificates it vouches by: the metric, and what `status` shows."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from tests.kit.clock import FakeClock
from tests.kit.objects import tls_secret
from tests.kit.pki import self_signed

from sekisho.app.control_plane import Parts, build
from sekisho.app.identities.lives import Lives, ending
from sekisho.app.settings import Address, ControlPlane
from sekisho.identity.builtin import ISSUER_LIFETIME
from sekisho.model.document import check
from sekisho.model.names import ResourceId

DOMAIN = "default.default.mesh.local"
METRIC = "sekisho_certificate_expiry_seconds"
DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def parts(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Parts]:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    nowhere = Address("127.0.0.1", 0)
    async with build(ControlPlane(state=state, api=nowhere, xds=nowhere), clock) as parts:
        parts.identities.trusts.authorities.make("default", DOMAIN)
        yield parts


async def test_prometheus_is_told_when_roots_and_issuing_certificates_end(
    parts: Parts, clock: FakeClock
) -> None:
    Lives(parts.identities, parts.loop).look()
    told = REGISTRY.get_sample_value(METRIC, {"certificate": f"issuing certificate of {DOMAIN}"})
    assert told == (clock.now() + ISSUER_LIFETIME).timestamp()


async def test_status_shows_an_issuing_certificate_in_its_last_tenth_whose_successor_cannot_be_made(
    parts: Parts, clock: FakeClock
) -> None:
    clock.advance(80 * DAY)
    assert ending(parts.identities, clock.now()) == ()
    clock.advance(2 * DAY)
    shown = {one.name for one in ending(parts.identities, clock.now())}
    assert f"issuing certificate of {DOMAIN}" in shown
    assert f"root of {DOMAIN}" not in shown


async def test_prometheus_is_told_of_the_secrets_that_gateways_serve_with(
    parts: Parts, clock: FakeClock
) -> None:
    lives, id = Lives(parts.identities, parts.loop), ResourceId("Secret", "shop", "tls")
    written = check("Secret", tls_secret("tls", self_signed("shop.example.com")))
    parts.loop.engine.commit({id: written.resource})
    end = clock.now() + timedelta(days=30)

    def told() -> float | None:
        lives.look()
        return REGISTRY.get_sample_value(METRIC, {"certificate": str(id)})

    parts.loop.expiry.note(id, end)
    assert told() == end.timestamp()
    parts.loop.expiry.note(id, None)
    assert told() is None
