"""A client certificate that ends while its stream is open."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tests.kit.ads_client import AdsStream, CallFailed, mutual_tls
from tests.kit.xds import changes, request

from sekisho.identity.authority import LEAF_LIFETIME, Registration
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import Issued, new_key, signing_request
from sekisho.identity.spiffe import SpiffeId
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import server_context
from sekisho.xds.view import View

DOMAIN = "demo.default.mesh.local"


async def issued(
    authority: BuiltInAuthority, path: str, lifetime: timedelta, *names: str
) -> tuple[bytes, Issued]:
    key = new_key()
    who = Registration(SpiffeId.make(DOMAIN, path), dns_names=names)
    return key.reveal(), await authority.issue(signing_request(key), who, lifetime)


@pytest.mark.parametrize(("lifetime", "ends"), [(timedelta(seconds=2), True), (timedelta(minutes=1), False)])
async def test_a_stream_ends_with_the_certificate_that_opened_it(
    tmp_path: Path, lifetime: timedelta, *, ends: bool
) -> None:
    authority = BuiltInAuthority(tmp_path / "authority", DOMAIN)
    key, own = await issued(authority, "control-plane", LEAF_LIFETIME, "localhost")
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "crt").write_bytes(own.chain)
    context = server_context(tmp_path / "crt", tmp_path / "key", authority.bundle.decode())
    view = View("v")
    view.commit(changes(cds="a@1"))
    server = AdsServer(lambda *_: [view])
    key, certificate = await issued(authority, "proxy", lifetime)
    try:
        address = f"localhost:{await server.listen_tls('localhost', 0, lambda: context)}"
        credentials = mutual_tls(certificate.bundle, key, certificate.chain)
        async with asyncio.timeout(60), AdsStream.tls(address, credentials, "localhost") as stream:
            await stream.send(request("cds", node="proxy").SerializeToString())
            responses = aiter(stream)
            await anext(responses)
            if ends:
                with pytest.raises(CallFailed):
                    await anext(responses)
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(responses), 3.5)
    finally:
        await server.drain(1)
