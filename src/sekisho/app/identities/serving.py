"""The control plane's own certificate: from its own authority, renewed while it serves."""

import ssl
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from random import Random

from sekisho.aio.clock import Clock
from sekisho.identity.authority import Authority, Registration, new_credentials
from sekisho.identity.files import private_directory, write_private
from sekisho.identity.keys import Credentials, Issued
from sekisho.identity.rotation import keep_renewed
from sekisho.identity.spiffe import SpiffeId

SERVER_NAME = "control-plane.sekisho.internal"
"""The name in the certificate by which agents know the control plane, whatever its address."""
LOCAL = ("127.0.0.1", "::1")


class ServingCertificate:
    """Keeps TLS contexts supplied with a fresh certificate; open connections are not disturbed."""

    def __init__(
        self, folder: Path, credentials: Credentials, authority: Authority, registration: Registration
    ) -> None:
        self._folder = folder
        self._authority = authority
        self._registration = registration
        self._listeners: list[Callable[[], None]] = []
        self.credentials = credentials
        """The newest ones."""
        self._store(credentials)

    @classmethod
    async def make(cls, folder: Path, authority: Authority, hosts: tuple[str, ...]) -> "ServingCertificate":
        """A certificate for `SERVER_NAME`, localhost and `hosts` (names or addresses), and a place for it."""
        registration = _registration(authority.trust_domain, hosts)
        credentials = await new_credentials(authority, registration)
        return cls(private_directory(folder), credentials, authority, registration)

    @property
    def certificate(self) -> Path:
        """PEM, with the issuing certificate."""
        return self._folder / "server.crt"

    @property
    def key(self) -> Path:
        """PEM, 0600."""
        return self._folder / "server.key"

    def supply(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """Loads the certificate into `context`, now and after every renewal."""
        context.load_cert_chain(self.certificate, self.key)
        self.on_renewal(lambda: context.load_cert_chain(self.certificate, self.key))
        return context

    def on_renewal(self, listener: Callable[[], None]) -> None:
        """Calls `listener` when there is another certificate in the files."""
        self._listeners.append(listener)

    async def keep_renewed(self, clock: Clock, random: Random) -> None:
        """Renews it in time, until cancelled."""
        await keep_renewed(self.credentials.issued, self._renew, clock=clock, random=random)

    async def _renew(self) -> Issued:
        self.credentials = await new_credentials(self._authority, self._registration)
        self._store(self.credentials)
        for listener in self._listeners:
            listener()
        return self.credentials.issued

    def _store(self, credentials: Credentials) -> None:
        # The ssl module reads certificates from files only.
        write_private(self.key, credentials.key.reveal())
        write_private(self.certificate, credentials.issued.chain)


def _registration(trust_domain: str, hosts: tuple[str, ...]) -> Registration:
    names, addresses = [SERVER_NAME, "localhost"], [ip_address(text) for text in LOCAL]
    for host in hosts:
        try:
            address = ip_address(host)
        except ValueError:
            names.append(host)
        else:
            addresses += [] if address.is_unspecified else [address]
    return Registration(
        identity=SpiffeId.make(trust_domain, "control-plane"),
        dns_names=tuple(dict.fromkeys(names)),
        addresses=tuple(dict.fromkeys(addresses)),
    )
