"""What the processes say of themselves while all this happens: figures, JSON logs, and never a secret."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from tests.kit.objects import endpoint_slice, http_listener, manifest, route, service, tls_secret
from tests.kit.pki import Leaf, self_signed
from tests.kit.ports import free_port
from tests.kit.system import System, gateway, log_lines, running_system

from sekisho.client import Invalid

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

PAIR = self_signed("tls.test")
PASSWORD = "correct-horse-battery-staple"  # of nobody


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy() -> AsyncIterator[tuple[System, int]]:
    """A system that has seen most of what can happen, good and bad; with the port of its gateway."""
    port, tls_port = free_port(), free_port()
    https = {
        "name": "https", "port": tls_port, "protocol": "HTTPS", "hostname": "tls.test",
        "tls": {"certificateRefs": [{"name": "web"}]},
    }  # fmt: skip
    async with running_system() as system:
        await system.apply(
            tls_secret("web", PAIR), gateway(http_listener(port=port), https), service("cart"),
            endpoint_slice("cart", "127.0.0.1"), route("cart", "shop.test"),
            manifest("Secret", "other", data={"password": base64.b64encode(PASSWORD.encode()).decode()}),
        )  # fmt: skip
        await system.answers(port, "nobody.test", status=404)
        await system.in_sync()
        with pytest.raises(Invalid):
            await system.apply(manifest("Secret", "bad", stringDat={"password": PASSWORD}))
        with pytest.raises(Invalid):
            await system.apply(manifest("Secret", "bad", data={"password": PASSWORD + "!"}))
        async with httpx2.AsyncClient(
            base_url=system.access.server, verify=system.access.tls(), trust_env=False
        ) as stranger:
            headers = {"authorization": f"Bearer {PASSWORD}"}
            assert (await stranger.get(f"/version?token={PASSWORD}", headers=headers)).status_code == 401
        await system.apply(tls_secret("web", Leaf(PAIR.certificate, PAIR.key[:-40])))
        await system.apply(tls_secret("web", PAIR))
        with_taken = http_listener("taken", system.api)  # the API listens there
        await system.apply(gateway(http_listener(port=port), https, with_taken))

        async def refused() -> bool:
            condition = await system.condition("Gateway", "web", "Programmed", "taken")
            return condition.get("status") == "False" and "in use" in condition["message"]

        await system.until(refused, "the taken port is told")
        await system.kill("control plane")
        await system.start_control_plane()
        await system.until(refused, "the taken port is told")
        [envoy] = system.envoys()
        envoy.kill()
        await system.answers(port, "nobody.test", status=404)
        await system.in_sync()
        yield system, port


async def test_figures_tell_of_changes_and_refusals(busy: tuple[System, int]) -> None:
    system, port = busy
    before = await system.metrics()
    await system.apply(route("cart", "moved.test"))
    await system.answers(port, "moved.test", status=503)  # nobody listens behind it
    await system.in_sync()

    async def counted() -> bool:
        now = await system.metrics()
        return now["sekisho_convergence_seconds_count"] > before["sekisho_convergence_seconds_count"]

    await system.until(counted, "the acknowledgement is counted")
    after = await system.metrics()
    buckets = [
        count for name, count in after.items() if name.startswith("sekisho_convergence_seconds_bucket")
    ]
    assert len(buckets) > 5
    assert max(buckets) == after["sekisho_convergence_seconds_count"]
    assert after["sekisho_convergence_seconds_sum"] > before["sekisho_convergence_seconds_sum"]
    scopes = 'sekisho_sent_resources_total{type="ScopedRouteConfiguration"}'
    octets = 'sekisho_sent_octets_total{type="ScopedRouteConfiguration"}'
    assert after[scopes] > before[scopes]
    assert 50 < after[octets] - before[octets] < 10_000
    assert after["sekisho_resources_built_total"] > before["sekisho_resources_built_total"]
    assert after['sekisho_rejections_total{type="Listener"}'] >= 1
    assert not any(
        count for name, count in after.items() if name.startswith("sekisho_translation_failures_total")
    )
    assert (after["sekisho_proxies"], after["sekisho_views"]) == (1, 1)


async def test_figures_are_for_those_with_a_token(busy: tuple[System, int]) -> None:
    system, _ = busy
    access = system.access
    async with httpx2.AsyncClient(base_url=access.server, verify=access.tls(), trust_env=False) as stranger:
        answer = await stranger.get("/metrics")
        assert answer.status_code == 401
        assert "sekisho_" not in answer.text


@pytest.mark.parametrize("name", ["control plane", "agent"])
async def test_a_log_is_one_json_object_a_line(busy: tuple[System, int], name: str) -> None:
    system, _ = busy
    lines = log_lines(system.log(name))
    assert len(lines) >= 3
    for line in lines:
        assert {"event", "level", "timestamp"} <= line.keys(), line
        assert "exception" not in line, line
        assert line["level"] != "error" or line["event"] == "envoy ended", line
    if name == "control plane":
        [refusal, *_] = [line for line in lines if line["event"] == "proxy refused a resource"]
        assert "Address already in use" in refusal["reason"]


async def test_no_secret_is_in_logs_command_lines_or_environments(
    busy: tuple[System, int],
) -> None:
    system, _ = busy
    secrets = list(private_texts(system))
    assert len(secrets) > 8
    texts = {path: path.read_text(errors="replace") for path in system.folder.rglob("*.log")}
    assert {path.name for path in texts} >= {"control-plane.log", "agent.log", "envoy.log"}
    processes = [system.process("control plane"), system.process("agent"), *system.envoys()]
    for process in processes:
        assert process.cmdline()
        texts[Path(f"/proc/{process.pid}")] = json.dumps([process.cmdline(), process.environ()])
    for where, text in texts.items():
        assert [secret for secret in secrets if secret in text] == [], where


async def test_files_with_secrets_are_for_their_owner_only(busy: tuple[System, int]) -> None:
    system, _ = busy
    secrets = [secret.encode() for secret in private_texts(system)]
    holding = 0
    for path in system.folder.rglob("*"):
        if path.is_file() and any(secret in path.read_bytes() for secret in secrets):
            holding += 1
            assert path.stat().st_mode & 0o077 == 0, path
    assert holding >= 4


async def test_secrets_of_users_are_sealed_in_the_store(busy: tuple[System, int]) -> None:
    system, _ = busy
    stored = b"".join(path.read_bytes() for path in system.folder.glob("store.sqlite*"))
    assert b"Secret" in stored
    for secret in (PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), *secret_lines(PAIR.key)):
        assert secret not in stored


def private_texts(system: System) -> list[str]:
    """Everything that must stay where it is: tokens, keys line by line, users' secrets plain and encoded."""
    found = [PASSWORD, base64.b64encode(PASSWORD.encode()).decode()]
    found += [path.read_text().strip() for path in system.folder.rglob("*.token")]
    keys = [PAIR.key, *(path.read_bytes() for path in system.folder.rglob("*.key"))]
    found += [line.decode(errors="replace") for key in keys for line in secret_lines(key)]
    encoded = base64.b64encode(PAIR.key).decode()
    return [*found, encoded[40:80], encoded[100:140]]


def secret_lines(pem: bytes) -> list[bytes]:
    """The lines of a PEM that are its content; none of what is no PEM."""
    lines = pem.splitlines()
    return [line for line in lines if len(line) > 30 and b"-----" not in line] if b"BEGIN" in pem else []
