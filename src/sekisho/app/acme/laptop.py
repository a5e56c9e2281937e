"""A plain HTTPS client inside azure, whose connection the mesh carries to gcp without opening it."""

import asyncio
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sekisho.app.acme.told import Step
from sekisho.client import Client
from sekisho.translate.mesh.names import outbound_address

NAME = "catalog.gcp.acme.corp"
"""What the mesh calls gcp's gateway, by a HostnameGenerator."""
WITHIN = 15.0
"""Seconds until the sidecar must stand for gcp's gateway."""
_WHAT = f"a plain client in azure calls https://{NAME}/catalog"
_WAY = "laptop → its sidecar → mTLS → zone ingress of gcp → sidecar → gateway of gcp, its TLS never opened: "
_PAUSE = 0.1


class Laptop:
    """The program `programs/client.py` beside the sidecar of Workload shop/laptop."""

    def __init__(self, client: Client, programs: Path, authority: Path) -> None:
        """`client`: of azure's API. `authority`: the certificate of gcp's gateway, PEM."""
        self._client, self._programs, self._authority = client, programs, authority

    async def calls(self) -> Step:
        """Two calls; the second one resumes the TLS session of the first."""
        began = time.monotonic()
        while True:
            seen, milliseconds = await self._run(await self._address())
            fault = self._fault(seen)
            if not fault or time.monotonic() - began > WITHIN:
                break
            await asyncio.sleep(_PAUSE)
        proof = "same certificate and session at both ends"
        return Step(_WHAT, _WAY + proof, None if fault else milliseconds, fault)

    async def _address(self) -> str:
        """Where the laptop's sidecar stands for gcp's gateway; empty until there is an address."""
        service = await self._client.get("zoneservices.sekisho.dev", "gateway.gcp", "edge")
        laptop = await self._client.get("workloads.sekisho.dev", "laptop", "shop")
        virtual = ((service.get("status") or {}).get("vip") or {}).get("ip", "")
        return outbound_address(virtual, laptop["spec"]["sidecar"]["outboundAddresses"]) if virtual else ""

    async def _run(self, address: str) -> tuple[dict[str, Any], float]:
        if not address:
            return {"error": "gcp's gateway has no address in azure"}, 0.0
        program = [sys.executable, str(self._programs / "client.py"), address, "8443", NAME, "/catalog"]
        process = await asyncio.create_subprocess_exec(
            *program, "--authority", str(self._authority), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        seen: dict[str, Any] = json.loads(output or b'{"error": "the client said nothing"}')
        return seen, float(seen.get("first", {}).get("milliseconds", 0.0))

    def _fault(self, seen: dict[str, Any]) -> str:
        if "error" in seen:
            return str(seen["error"])
        calls = (seen["first"], seen["second"])
        if any(call["status"] != 200 for call in calls):  # noqa: PLR2004 - HTTP's OK
            return f"answered {calls[0]['status']} and {calls[1]['status']}"
        certificate = x509.load_pem_x509_certificate(self._authority.read_bytes())
        presented = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
        if any(call["certificate"] != presented for call in calls):
            return "somebody else's certificate was presented"
        return "" if seen["second"]["resumed"] else "the server did not know its own session"
