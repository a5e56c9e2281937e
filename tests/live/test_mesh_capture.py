"""Captured workloads end to end, in network namespaces: programs that know nothing of it are in the mesh."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.kit.netns import Namespace, needs_namespaces
from tests.kit.objects import manifest
from tests.kit.own_namespaces import EXCLUDED, EXCLUDED_PORT, PORT, Captured, ask, captured_workloads, run

pytestmark = [
    pytest.mark.live,
    needs_namespaces,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

CLIENT = "URI=spiffe://default.default.mesh.local/ns/shop/sa/client"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["Redirect", "TransparentProxy"])
async def mesh(request: pytest.FixtureRequest) -> AsyncIterator[Captured]:
    async with captured_workloads(request.param) as mesh:
        for account in ("four", "six"):
            address, _ = await mesh.virtual(account)
            await answers(mesh, mesh.client, address, "the first call is answered")
        yield mesh


async def answers(mesh: Captured, inside: Namespace, address: str, what: str, port: int = PORT) -> None:
    async def answered() -> bool:
        found = await ask(inside, address, port)
        return found is not None and found.status == 200

    await mesh.system.until(answered, what)


@pytest.mark.parametrize("account", ["four", "six"])
async def test_a_program_calls_by_name_and_is_known_by_its_identity(mesh: Captured, account: str) -> None:
    """`getent` and the shell ask the resolvers of the host, whoever they are; the agent answers."""
    name = f"{account}.shop.svc.mesh.local"
    virtual = await mesh.virtual(account)
    found = [(await run(mesh.client, "getent", f"ahostsv{version}", name)).split()[:1] for version in (4, 6)]
    assert found == [[virtual[0]], [virtual[1]]]
    request = f"GET /by-name HTTP/1.1\\r\\nhost: {name}\\r\\nconnection: close\\r\\n\\r\\n"
    talk = f"exec 3<>/dev/tcp/{name}/{PORT}; printf '{request}' >&3; cat <&3"
    said = await run(mesh.client, "bash", "-c", talk)
    assert said.startswith("HTTP/1.1 200")
    received = json.loads(said.partition("\n\n")[2])
    assert (received["pod"], received["path"], received["host"]) == (account, "/by-name", name)
    assert CLIENT in received["headers"]["X-Forwarded-Client-Cert"][0]


@pytest.mark.parametrize("account", ["four", "six"])
@pytest.mark.parametrize("family", [0, 1])
async def test_virtual_addresses_of_both_families_lead_to_services_of_both(
    mesh: Captured, account: str, family: int
) -> None:
    address = (await mesh.virtual(account))[family]
    answer = await ask(mesh.client, address)
    assert answer
    assert answer.status == 200
    assert CLIENT in answer.json()["headers"]["X-Forwarded-Client-Cert"][0]
    server = {"four": mesh.four, "six": mesh.six}[account]
    caller = mesh.program(server).callers[-1]
    if mesh.capture == "TransparentProxy":
        assert caller in {mesh.client.address, mesh.client.address6}
    else:
        assert caller in {"127.0.0.6", "::6"}


async def test_a_program_may_call_itself_through_the_mesh(mesh: Captured) -> None:
    """What the proxy sends is not captured again: else this call would go round until something breaks."""
    address, _ = await mesh.virtual("four")
    answer = await ask(mesh.four, address)
    assert answer
    assert answer.status == 200
    assert CLIENT.replace("client", "four") in answer.json()["headers"]["X-Forwarded-Client-Cert"][0]


async def test_who_may_not_call_gets_nothing(mesh: Captured) -> None:
    address, address6 = await mesh.virtual("client")
    before = len(mesh.program(mesh.client).received)
    for one in (address, address6):
        answer = await ask(mesh.four, one)
        assert answer is None or answer.status in {403, 503}
    assert len(mesh.program(mesh.client).received) == before


@pytest.mark.parametrize("server", ["four", "six"])
async def test_nobody_gets_past_a_sidecar_to_the_program_behind_it(mesh: Captured, server: str) -> None:
    """From a host that is not in the mesh, and from one that is and calls the instance by its address."""
    inside: Namespace = getattr(mesh, server)
    before = len(mesh.program(inside).received)
    for address in (inside.address, inside.address6):
        for port in (PORT, EXCLUDED_PORT, 15001, 15006):
            assert await ask(mesh.outside, address, port) is None
        assert await ask(mesh.client, address) is None
    assert len(mesh.program(inside).received) == before


async def test_what_is_excluded_goes_its_own_way_and_the_rest_is_let_through_or_not(mesh: Captured) -> None:
    """Excluded is a port, and a program whose user is. No proxy is asked about them."""
    addresses = (mesh.outside.address, mesh.outside.address6)
    for address in addresses:
        await answers(mesh, mesh.client, address, "what is not of the mesh is let through")
    nothing = manifest("Passthrough", "none", spec={"default": {"passthroughMode": "None"}})
    await mesh.system.apply(nothing)

    async def closed() -> bool:
        return [await ask(mesh.client, address) for address in addresses] == [None, None]

    await mesh.system.until(closed, "nothing but the mesh is let through")
    for address in addresses:
        assert await ask(mesh.client, address, EXCLUDED_PORT)
    place = f"/dev/tcp/{mesh.outside.address}/{PORT}"
    talk = f"exec 3<>{place}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3"
    assert "200" in await run(mesh.client, "bash", "-c", talk, user=EXCLUDED)
    assert "200" not in await run(mesh.client, "bash", "-c", talk)
    await mesh.system.client.delete("Passthrough", "none", "shop")
    await answers(mesh, mesh.client, addresses[0], "what is not of the mesh is let through again")


async def test_a_killed_proxy_opens_nothing_and_comes_back(mesh: Captured) -> None:
    """The rules stay: what is captured has nowhere to go, and does not go past."""
    address, _ = await mesh.virtual("four")
    agent = mesh.system.process("shop/four-1")
    envoys = [each for each in agent.children(recursive=True) if "--config-path" in each.cmdline()]
    assert len(envoys) == 1
    before = len(mesh.program(mesh.four).received)
    envoys[0].suspend()
    assert await ask(mesh.outside, mesh.four.address, within=1) is None
    envoys[0].kill()
    assert await ask(mesh.outside, mesh.four.address) is None
    assert len(mesh.program(mesh.four).received) == before
    await answers(mesh, mesh.client, address, "the next proxy serves")


async def test_after_the_end_nothing_is_left_of_a_capture(mesh: Captured) -> None:
    """Last: the workload leaves the mesh. From then on it is called as any other host."""
    await mesh.system.stop("shop/six-1")
    inside = mesh.six
    assert "sekisho" not in inside.run("nft", "list", "ruleset")
    for family in ("-4", "-6"):
        assert "fwmark" not in inside.run("ip", family, "rule", "show")
        routes = inside.run("ip", family, "route", "show", "table", "all")
        assert "24066" not in routes
        assert "fd5e:6b69" not in routes
        assert "241.0.0.0" not in routes
    for address in (inside.address, inside.address6):
        assert await ask(mesh.outside, address)
    await mesh.start("six")
    virtual, _ = await mesh.virtual("six")
    await answers(mesh, mesh.client, virtual, "it is back in the mesh")
