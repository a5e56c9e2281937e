"""Requests to acme's API gateways, as a client on the internet makes them."""

import time
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import httpx2

PATIENCE = 5.0
"""Seconds until a request counts as lost."""


class Answer(NamedTuple):
    """What came of one request."""

    status: int
    """0 for none."""
    milliseconds: float
    body: dict[str, Any]
    """What the catalog says; empty where it was not it that answered."""
    error: str = ""

    @property
    def zone(self) -> str:
        """Where the catalog is that answered."""
        return str(self.body.get("zone", ""))

    @property
    def instance(self) -> str:
        return str(self.body.get("instance", ""))

    @property
    def caller(self) -> str:
        """The identity the catalog's sidecar saw: `spiffe://…`."""
        return str(self.body.get("caller", "")).rpartition("URI=")[2]

    @property
    def fault(self) -> str:
        """Why this is no answer of a catalog; empty when it is one."""
        if self.error:
            return self.error
        return "" if self.status == httpx2.codes.OK and self.body else f"answered {self.status}"


class Gateway:
    """The door of a cloud: `https://<host>`, at an address that DNS would give."""

    def __init__(self, host: str, base: str, authority: Path) -> None:
        """`base`: where it really is, such as https://127.0.20.1:8443. `authority`: whom to believe, PEM."""
        self.host = host
        self.address = urlsplit(base).netloc
        """Host and port where it really is."""
        verify: SSLContext = create_default_context(cafile=authority)
        self._http = httpx2.AsyncClient(base_url=base, verify=verify, trust_env=False, timeout=PATIENCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> Answer:
        """One request; connections are kept."""
        began = time.perf_counter()
        try:
            found = await self._http.get(
                path, headers={"Host": self.host}, extensions={"sni_hostname": self.host}
            )
        except httpx2.HTTPError as cause:
            return Answer(0, _since(began), {}, str(cause) or type(cause).__name__)
        is_json = found.headers.get("content-type") == "application/json"
        return Answer(found.status_code, _since(began), found.json() if is_json else {})


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
