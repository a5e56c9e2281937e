"""The control plane as a whole, over real sockets: built, asked, restarted, ended."""

import asyncio
import ssl
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.kit.clock import FakeClock

from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.app.control_plane import Parts, build, run
from sekisho.app.folder.troubles import Troubles
from sekisho.app.host.signer import ApiSigner
from sekisho.app.settings import Address, ControlPlane
from sekisho.app.xds_front import authorizer
from sekisho.app.zones.place import Place
from sekisho.client import Client, Forbidden, Invalid, Unauthorized
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.reviews import ConfigDump, ConfigDumpSpec, Explanation, ExplanationSpec, ask
from sekisho.client.system_status import SystemStatus
from sekisho.identity.authority import Refused
from sekisho.identity.keys import new_key, signing_request
from sekisho.identity.spiffe import peer_identity
from sekisho.model.names import ResourceId
from sekisho.model.problems import Problem
from sekisho.xds.admission import Refusal

GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "door", "namespace": "default"},
    "spec": {
        "gatewayClassName": "sekisho",
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 8080}],
    },
}


@asynccontextmanager
async def running(state: Path) -> AsyncIterator[Parts]:
    settings = ControlPlane(state=state, api=Address("127.0.0.1", 0), xds=Address("127.0.0.1", 0), drain=1.0)
    announced: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    async with build(settings, SystemClock()) as parts:
        serving = run(parts, lambda api, _: announced.set_result(api), stop)
        async with background(serving, name="control plane") as task:
            async with asyncio.timeout(60):
                await announced
            yield parts
            stop.set()
            await task


def admin(parts: Parts) -> Client:
    return Client.from_kubeconfig(parts.settings.kubeconfig)


def agent(parts: Parts) -> Client:
    return Client.from_kubeconfig(parts.settings.agent_kubeconfig)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


async def eventually_ours(client: Client) -> None:
    async with asyncio.timeout(60):
        while not (await ask(client, "SystemStatus", None, SystemStatus)).gateways:
            await asyncio.sleep(0.01)


async def test_a_gateway_is_explained_dumped_and_shown_in_the_status(state: Path) -> None:
    async with running(state) as parts, admin(parts) as client:
        await client.create(GATEWAY)
        await eventually_ours(client)
        found = await ask(client, "SystemStatus", None, SystemStatus)
        assert (found.gateways[0].name, found.gateways[0].listeners[0].port) == ("door", 8080)
        spec = ExplanationSpec(url="http://shop.example.com/cart")
        assert (await ask(client, "Explanation", spec, Explanation)).outcome.startswith("answered 404")
        dump = await ask(client, "ConfigDump", ConfigDumpSpec(gateway="default/door"), ConfigDump)
        assert "listener" in {published.type for published in dump.resources}


async def test_what_was_written_is_there_after_a_restart_with_the_same_tokens(state: Path) -> None:
    async with running(state) as parts, admin(parts) as client:
        await client.create(GATEWAY)
        first = client.transport.access
    async with running(state) as parts, admin(parts) as client:
        assert (await client.get("gateway", "door", "default"))["spec"]["gatewayClassName"] == "sekisho"
        assert client.transport.access.bearer() == first.bearer()
        assert client.transport.access.authority == first.authority


def files_others_may_read(state: Path) -> dict[str, bool]:
    return {
        path.name: bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
        for path in state.rglob("*")
        if path.is_file()
    }


async def test_what_is_secret_is_readable_by_its_owner_only(state: Path) -> None:
    async with running(state):
        found = files_others_may_read(state)
    secret = {
        "kubeconfig",
        "admin.token",
        "agent.token",
        "root.key",
        "server.key",
        "store.sqlite",
        "store.key",
    }
    assert secret <= found.keys()
    assert not any(found.values()), found


async def test_nobody_gets_in_without_a_token_or_with_a_revoked_one(state: Path) -> None:
    async with running(state) as parts, admin(parts) as client:
        created = await ask(
            client, "TokenReview", TokenSpec(action="create", name="ada", role="reader"), TokenAnswer
        )
        id_ = next(token.id for token in created.tokens if token.name == "ada")
        reader = state / "reader.token"
        reader.write_text(created.token)
        text = parts.settings.kubeconfig.read_text().replace("admin.token", "reader.token")
        (state / "reader").write_text(text)
        async with Client.from_kubeconfig(state / "reader") as ada:
            await ada.list("gateways")
            with pytest.raises(Forbidden):
                await ada.create(GATEWAY)
            with pytest.raises(Forbidden):
                await ask(ada, "TokenReview", TokenSpec(action="list"), TokenAnswer)
            await ask(client, "TokenReview", TokenSpec(action="revoke", id=id_), TokenAnswer)
            with pytest.raises(Unauthorized):
                await ada.list("gateways")
            reader.write_text("")
            with pytest.raises(Unauthorized):
                await ada.list("gateways")
        refusals = (await ask(client, "SystemStatus", None, SystemStatus)).refusals
        assert {one.what: one.count for one in refusals} == {"caller": 2, "right": 2}


async def test_the_tokens_of_this_host_are_renewed_while_the_control_plane_runs(state: Path) -> None:
    clock = FakeClock()
    settings = ControlPlane(state=state)
    async with build(settings, clock) as parts, background(parts.access.keep(), name="tokens"):
        parts.access.ensure_tokens()
        for _ in range(200):  # days, more than two lives of a token
            await asyncio.sleep(0)
            clock.advance(24 * 3600.0)
            await asyncio.sleep(0)
            for file in ("admin.token", "agent/agent.token"):
                assert parts.identities.tokens.authenticate((state / file).read_text().strip()), file


@pytest.mark.parametrize(
    "spec",
    [
        TokenSpec(action="make"),
        TokenSpec(action="create", name="", role="reader"),
        TokenSpec(action="create", name="ada", role="king"),
        TokenSpec(action="create", name="ada", role="reader", days=1000),
    ],
)
async def test_a_wrong_question_about_tokens_is_refused_with_the_field(state: Path, spec: TokenSpec) -> None:
    async with running(state) as parts, admin(parts) as client:
        with pytest.raises(Invalid) as refused:
            await ask(client, "TokenReview", spec, TokenAnswer)
        assert refused.value.status.causes[0].field.startswith("spec.")


async def test_an_agent_gets_certificates_for_our_gateways_only(state: Path) -> None:
    async with running(state) as parts, admin(parts) as client, agent(parts) as host:
        await client.create(GATEWAY)
        await eventually_ours(client)
        signer, request = ApiSigner(host), signing_request(new_key())
        issued = await signer.sign(request, "gateway/default/door")
        assert peer_identity(issued.leaf()).path == "gateway/default/door"
        for name in ("gateway/default/other", "control-plane", "gateway/default", "gateway/default/../door"):
            with pytest.raises(Refused):
                await signer.sign(request, name)
        with pytest.raises(Refused, match="cannot be read"):
            await signer.sign(b"nonsense", "gateway/default/door")
        with pytest.raises(Forbidden):
            await host.list("secrets")


async def test_a_proxy_may_follow_the_gateway_of_its_certificate_only(state: Path) -> None:
    async with running(state) as parts, admin(parts) as client:
        await client.create(GATEWAY)
        await eventually_ours(client)
        authorize = authorizer(parts.loop, parts.identities.peers)
        ours = f"spiffe://{Place().trust_domain}/gateway/default/door"
        views = authorize(ours, "gateway/default/door/host-1")
        assert not isinstance(views, Refusal)
        assert len(views) == 1
        for peer, node in (
            (None, "gateway/default/door/host-1"),
            (ours, "gateway/default/other/host-1"),
            (f"{ours}-2", "gateway/default/door/host-1"),
            (ours.replace("control-plane.", "default."), "gateway/default/door/host-1"),
            (ours, "door"),
            (ours.replace("door", "gone"), "gateway/default/gone/host-1"),
        ):
            assert isinstance(authorize(peer, node), Refusal), (peer, node)


async def test_the_serving_certificate_is_for_localhost_and_renews_in_place(state: Path) -> None:
    async with running(state) as parts, admin(parts) as client:
        await client.version()
        before = parts.certificate.certificate.read_bytes()
        await parts.certificate._renew()
        assert parts.certificate.certificate.read_bytes() != before
        async with admin(parts) as another:
            await another.version()
        stranger = ssl.create_default_context()
        port = int(client.transport.access.server.rpartition(":")[2])
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("localhost", port, ssl=stranger)


ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {
        "name": "cart",
        "namespace": "default",
        "annotations": {"sekisho.dev/source": "cart.yaml:1"},
    },
    "spec": {
        "parentRefs": [{"name": "door"}],
        "rules": [{"backendRefs": [{"name": "cart", "port": 80}]}],
    },
}


class Heard:
    """A voice that remembers, and tells that it was used."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def done(self, what: str, detail: str = "") -> None:
        self.lines.put_nowait(f"{what} {detail}".strip())

    def note(self, text: str) -> None:
        self.lines.put_nowait(text)

    def trouble(self, text: str, advice: str = "") -> None:
        self.lines.put_nowait(f"{text} {advice}")

    def problems(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self.lines.put_nowait(str(problem))


async def test_a_mistake_is_told_at_its_line_and_so_is_its_end(state: Path) -> None:
    voice = Heard()
    lines = {(ResourceId("HTTPRoute", "default", "cart"), "spec.rules[0].backendRefs[0]"): 12}
    async with (
        running(state) as parts,
        admin(parts) as client,
        background(Troubles(client, voice, lambda *at: lines.get(at, 0)).tell(), name="troubles"),
        asyncio.timeout(60),
    ):
        await client.create(GATEWAY)
        await client.create(ROUTE)
        assert "cart.yaml:12: HTTPRoute/default/cart: spec.rules[0].backendRefs[0]" in await voice.lines.get()
        await client.delete("httproute", "cart", "default")
        assert await voice.lines.get() == "no problems any more"


async def test_mistakes_of_kinds_that_came_later_are_told_too(state: Path) -> None:
    voice = Heard()
    async with running(state) as parts, admin(parts) as client, asyncio.timeout(60):
        troubles = Troubles(client, voice, lambda *_: 0)
        async with background(troubles.tell(), name="troubles"):
            troubles.follow({"ConfigMap", "GRPCRoute", "OfNobody"})
            await client.create(GATEWAY)
            lost = {**ROUTE, "kind": "GRPCRoute", "spec": {"parentRefs": [{"name": "doors"}]}}
            await client.create(lost)
            assert 'Gateway/default/doors does not exist (did you mean "door"?)' in await voice.lines.get()
