"""An example on ports of its own, run by `sekisho up` in a process of its own."""

import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx2
import psutil

from tests.kit.evidence import process_folder
from tests.kit.ports import free_port
from tests.kit.shop import HOST
from tests.kit.wait import wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = re.compile(r"\b(8080|8443|90[0-9]{2})\b")
"""Ports in the examples."""
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For requests in plain text: httpx else makes a context for each, which takes longer than the request."""
PATIENCE = 60.0
"""Seconds for anything to come true on a machine that is busy with other tests."""


class Example:
    """A copy of the examples on ports of its own, in a folder with a short path (sockets need one)."""

    def __init__(self, example: str = "shop") -> None:
        self._stack = ExitStack()
        self.root = root = self._stack.enter_context(process_folder("sk-up-"))
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

    def up(self, *more: str, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """`before`: of the command, such as one that takes rights away."""
        command = [
            *before,
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

    def up_and_following(self, *before: str) -> None:
        """See `up`."""
        process = self.up(before=before)
        wait_until(
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
            return httpx2.get(
                url, headers={"Host": HOST, **headers}, trust_env=False, verify=NO_TLS, timeout=30
            )
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
        self._stack.close()
