"""A real API over a store in memory, in a thread, and the commands run against it."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sekisho.aio.tasks import run_until
from sekisho.api import Review, ServerSettings, User, create_app, serve
from sekisho.app import logs
from sekisho.app.identities.authentication import Callers
from sekisho.app.identities.serving import ServingCertificate
from sekisho.cli.commands import run
from sekisho.client import kubeconfig
from sekisho.client.reviews import PLURALS
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.tokens import Role, Tokens
from sekisho.store.memory import open_memory


@dataclass
class Api:
    """The running API as a test sees it."""

    folder: Path
    answers: dict[str, Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]] = field(default_factory=dict)
    """Status of the answer to a review, by kind; or what makes it of the spec."""
    questions: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """Every review that was posted: kind and spec."""

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def reviews(self) -> list[Review]:
        return [
            Review(kind=kind, plural=plural, roles=frozenset({Role.ADMIN.value}), handler=self._handler(kind))
            for kind, plural in PLURALS.items()
        ]

    def _handler(self, kind: str) -> Callable[..., Any]:
        async def handler(_: User, document: dict[str, Any]) -> Mapping[str, Any]:
            spec = document.get("spec") or {}
            self.questions.append((kind, spec))
            answer = self.answers.get(kind, {})
            return {"status": answer(spec) if callable(answer) else answer}

        return handler

    async def serve(self, started: "Future[asyncio.Event]") -> None:
        authority = BuiltInAuthority(self.folder / "authority", "test.mesh.local")
        certificate = await ServingCertificate.make(self.folder / "serving", authority, ("127.0.0.1",))
        tokens = Tokens(self.folder / "tokens.json")
        token = tokens.ensure(self.folder / "token", "test", Role.ADMIN, timedelta(hours=1))
        settings = ServerSettings(certificate=certificate.certificate, key=certificate.key, stop_seconds=1)
        stop = asyncio.Event()

        def announce(port: int) -> None:
            server = f"https://127.0.0.1:{port}"
            kubeconfig.write(
                self.kubeconfig, server=server, authority=authority.bundle.decode(), token_file=token
            )
            started.set_result(stop)

        async with open_memory() as store:
            app = create_app(store, Callers(tokens), reviews=self.reviews())
            await run_until(stop, {"API": serve(app, settings, started=announce)})


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    api = Api(folder)
    started: Future[asyncio.Event] = Future()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(api.serve(started)), name="API")
    thread.start()
    stop = started.result(timeout=30)
    try:
        yield api
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=30)
        loop.close()


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Runs commands in an empty folder, without a control plane."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("SEKISHO_STATE", raising=False)
    # For this process and for good, to a stream that is closed after the test: whoever logged later, failed.
    monkeypatch.setattr(logs, "configure", lambda _: None)

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


@pytest.fixture
def sekisho(api: Api, alone: Callable[..., Said]) -> Callable[..., Said]:
    """Runs commands against the API."""
    return lambda *arguments: alone(*arguments, "--kubeconfig", str(api.kubeconfig))
