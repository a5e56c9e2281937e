"""`sekisho up` as a person uses it: the shop on free ports, edited, broken, killed and ended."""

import asyncio
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from sekisho.app import demo

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = re.compile(r"\b(8080|8443|90[0-9]{2})\b")
"""Ports in the examples."""
PATIENCE = 60.0
"""Seconds for anything to come true on a machine that is busy with other tests."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(holds: Callable[[], object], what: str, within: float = PATIENCE) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, f"not within {within} s: {what}"
        time.sleep(0.02)


class Site:
    """A copy of the examples on ports of its own, in a folder with a short path (sockets need one)."""

    def __init__(self, root: Path, example: str = "shop") -> None:
        self.root = root
        self.example = example
        for name in {"shop", example}:
            shutil.copytree(EXAMPLES / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.folder = root / example
        self.ports: defaultdict[str, int] = defaultdict(free_port)
        for path in (*self.folder.glob("*.yaml"), self.folder / "sekisho.toml"):
            path.write_text(PORT.sub(lambda found: str(self.ports[found[0]]), path.read_text()))
        self.port = self.ports["8080"]
        self.log = root / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def up(self, *more: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "sekisho.cli",
            "up",
            self.example,
            "--api",
            "127.0.0.1:0",
            "--xds",
            "127.0.0.1:0",
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, *more], cwd=self.root, stdout=log, stderr=log)
        return self.process

    def up_and_following(self) -> None:
        process = self.up()
        eventually(
            lambda: "following edits" in self.said() or process.poll() is not None,
            f"it follows: {self.said()}",
        )
        assert process.poll() is None, self.said()

    def said(self) -> str:
        return self.log.read_text()

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def get(self, path: str, **headers: str) -> httpx2.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            return httpx2.get(url, headers={"Host": demo.HOST, **headers}, trust_env=False, timeout=5)
        except httpx2.TransportError as cause:
            return httpx2.Response(599, text=str(cause))

    def get_over_tls(self, host: str, path: str) -> httpx2.Response:
        """By server name, without looking at the certificate, which is self-signed."""
        url = f"https://127.0.0.1:{self.ports['8443']}{path}"
        with httpx2.Client(verify=False, trust_env=False) as http:
            return http.get(url, headers={"Host": host}, extensions={"sni_hostname": host})

    def end(self) -> float:
        """Ctrl-C; returns how long it took."""
        assert self.process is not None
        begin = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(PATIENCE) == 0, self.said()
        return time.monotonic() - begin

    def processes(self) -> list[psutil.Process]:
        """Everything that runs in this folder or names it."""
        found = []
        for process in psutil.process_iter():
            try:
                words = " ".join(process.cmdline())
                here = process.cwd().startswith(str(self.root))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if here or str(self.root) in words:
                found.append(process)
        return found

    def clean_up(self) -> None:
        """After a failed test too: whatever is left is ours, for its folder is."""
        for process in self.processes():
            process.kill()
            process.wait(10)
        shutil.rmtree(self.root)


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    site = Site(Path(tempfile.mkdtemp(prefix="sk-up-")), getattr(request, "param", "shop"))
    try:
        yield site
    finally:
        site.clean_up()


class Heard:
    """A voice that only remembers."""

    def __init__(self) -> None:
        self.troubles: list[str] = []

    def done(self, what: str, detail: str = "") -> None: ...

    def note(self, text: str) -> None: ...

    def trouble(self, text: str, advice: str = "") -> None:
        self.troubles.append(text)

    def problems(self, problems: object) -> None: ...


def test_a_folder_is_served_follows_edits_and_ends_without_leftovers(site: Site) -> None:
    site.up_and_following()
    heard = Heard()
    assert asyncio.run(demo.check(f"http://127.0.0.1:{site.port}", heard)), heard.troubles

    site.edit("cart.yaml", "value: shop", "value: another")
    eventually(
        lambda: site.get("/cart").json()["request"]["headers"]["x-door"] == "another", "the edit serves"
    )

    site.edit("moved.yaml", "hostnames:", "hostname:")
    eventually(lambda: 'unknown field "hostname"' in site.said(), "the mistake is told")
    assert re.search(r'shop/moved\.yaml:\d+: spec\.hostname: .*did you mean "hostnames"\?', site.said())
    assert site.get("/basket/7").status_code == 301

    (site.folder / "moved.yaml").unlink()
    eventually(lambda: site.get("/basket/7").status_code == 404, "a removed file's route is gone")

    assert len(site.processes()) > 5
    assert site.end() < 5
    assert site.processes() == []


def test_what_dies_is_started_again_and_a_second_run_finds_its_state(site: Site) -> None:
    site.up_and_following()
    control_plane = next(p for p in site.processes() if "control-plane" in p.cmdline())
    control_plane.kill()
    eventually(lambda: "control plane ended" in site.said(), "the end is told")
    assert site.get("/cart").status_code == 200  # Envoy goes on meanwhile
    site.edit("cart.yaml", "value: shop", "value: again")
    eventually(
        lambda: site.get("/cart").json()["request"]["headers"]["x-door"] == "again", "edits serve again"
    )
    site.end()
    (site.folder / "cart.yaml").unlink()
    site.up_and_following()
    assert site.get("/catalog").status_code == 200
    assert site.get("/cart").status_code == 404  # removed while nothing ran
    site.end()


def test_a_second_up_on_the_same_state_says_who_holds_it(site: Site) -> None:
    site.up_and_following()
    second = subprocess.run(
        [sys.executable, "-m", "sekisho.cli", "up", "shop"], cwd=site.root, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert "is in use by process" in second.stderr
    assert "Traceback" not in second.stderr
    site.end()


def test_a_busy_port_of_a_service_is_named_before_anything_starts(site: Site) -> None:
    port = int(re.findall(r"port = (\d+)", (site.folder / "sekisho.toml").read_text())[0])
    with socket.create_server(("127.0.0.1", port)):
        process = site.up()
        assert process.wait(PATIENCE) == 1
    assert f"port {port} on 127.0.0.1 for service cart" in site.said()
    assert "Traceback" not in site.said()
    assert site.processes() == []


def test_everything_ends_when_up_is_killed(site: Site) -> None:
    site.up_and_following()
    assert site.process is not None
    site.process.kill()
    site.process.wait()
    eventually(lambda: site.processes() == [], "all parts are gone", within=20)


def test_this_folder_needs_no_root() -> None:
    """Ports of the example are above 1024, and nothing else in `up` asks for rights."""
    text = (EXAMPLES / "shop" / "gateway.yaml").read_text()
    ports = re.findall(r"^\s*-? ?port: (\d+)", text, re.MULTILINE)
    assert ports
    assert all(int(port) > 1024 for port in ports)


@pytest.mark.parametrize(
    ("site", "host", "path", "answer"),
    [
        ("routing", "match.example.com", "/item/42", "echo"),
        ("traffic-splitting", "mirror.example.com", "/", "v1"),
        ("tls", "two.example.com", "/", "echo"),
    ],
    indirect=["site"],
)
def test_every_example_runs_without_a_problem(site: Site, host: str, path: str, answer: str) -> None:
    site.up_and_following()
    assert "error" not in site.said()
    assert not re.search(r"\.yaml:\d+:", site.said()), site.said()
    redirected = site.get(path, Host=host)
    if site.example == "tls":
        assert redirected.headers["location"] == f"https://{host}:{site.ports['8443']}{path}"
        assert site.get_over_tls(host, path).json()["service"] == answer
    else:
        assert redirected.json()["service"] == answer
    site.end()


def test_the_demo_checks_itself_and_ends(site: Site) -> None:
    program = """
import sys
from pathlib import Path
from sekisho.app import demo
from sekisho.cli import main
demo.shop = lambda: Path("shop")  # the copy on free ports
sys.argv = ["sekisho", "demo", "--check", "--api", "127.0.0.1:0", "--xds", "127.0.0.1:0"]
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=site.root,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("✓ curl ") == len(demo.ATTEMPTS)
    assert site.processes() == []
