"""Certificates for this host's proxies, or for a zone, asked from a control plane over its API."""

from collections.abc import Callable
from dataclasses import replace

from sekisho.agent.keys import Purpose
from sekisho.aio.clock import Clock
from sekisho.client import Client, ClientError, Forbidden, Invalid, Unauthorized
from sekisho.client.credentials import CertificateAnswer, CertificateRequestSpec
from sekisho.client.kubeconfig import Access
from sekisho.client.reviews import ask
from sekisho.client.transport import Transport
from sekisho.identity.authority import Refused
from sekisho.identity.keys import Credentials, Issued
from sekisho.identity.rotation import Unavailable
from sekisho.identity.secret import Secret


class ApiSigner:
    """Implements `agent.keys.Signer` with a client that may speak for the proxies in question."""

    def __init__(self, client: Client, instance: str = "") -> None:
        """`instance` is this host among those that run the same proxies."""
        self._client = client
        self._instance = instance

    async def sign(self, request: bytes, proxy: str, purpose: Purpose = Purpose.CONTROL) -> Issued:
        """See `Signer.sign`."""
        return await _asked(self._client, request, proxy, purpose, self._instance)


class JoiningSigner:
    """Implements `agent.keys.Signer` for one proxy that is known by its certificate, and at first by a token.

    The join token is good for the proxy's first certificate. With that it asks for everything else: the next
    one, and its identity in the mesh. A certificate that has ended, after a week without a control plane, or
    that was revoked, needs another join token.
    """

    def __init__(
        self,
        access: Access,
        held: Callable[[], Credentials | None],
        *,
        clock: Clock,
        token: Secret[str] | None = None,
        instance: str = "",
    ) -> None:
        """`access`: where the API is, and whom to trust there. `held`: the certificate of now, if any."""
        self._access = access
        self._held = held
        self._clock = clock
        self._token = token
        self._instance = instance

    async def sign(self, request: bytes, proxy: str, purpose: Purpose = Purpose.CONTROL) -> Issued:
        """See `Signer.sign`."""
        held = self._held()
        if held is not None and held.issued.not_after > self._clock.now():
            access = as_proxy(self._access, held)
        elif self._token is None:
            raise Refused(f"{proxy} has no certificate to ask with, and no join token")
        elif purpose is not Purpose.CONTROL:
            raise Unavailable(f"{proxy} has not joined yet")
        else:
            access = replace(self._access, token=self._token.reveal(), token_file=None, certificate=None)
        async with Client(Transport(access)) as client:
            return await _asked(client, request, proxy, purpose, self._instance)


def as_proxy(access: Access, credentials: Credentials) -> Access:
    """The same API, called as the proxy whose certificate this is, without any token."""
    certificate = (credentials.issued.chain.decode(), credentials.key.reveal().decode())
    return replace(access, token="", token_file=None, certificate=certificate)


def _joining(proxy: str) -> str:
    """The command that lets a proxy or a zone in."""
    kind, _, name = proxy.partition("/")
    return f"sekisho zone token {name}" if kind == "zone" else f"sekisho token create --join {proxy}"


async def _asked(client: Client, request: bytes, proxy: str, purpose: Purpose, instance: str) -> Issued:
    spec = CertificateRequestSpec(
        csr=request.decode(errors="replace"), proxy=proxy, purpose=purpose.value, instance=instance
    )
    try:
        answer = await ask(client, "CertificateRequest", spec, CertificateAnswer)
        return Issued.of(answer.certificate.encode(), answer.bundle.encode())
    except Unauthorized as cause:
        advice = f"`{_joining(proxy)}` makes a token that is good once"
        raise Refused(f"the token or certificate is not, or no longer, valid; {advice}") from cause
    except (Invalid, Forbidden) as cause:
        reasons = "; ".join(reason.message for reason in cause.status.causes) or str(cause)
        raise Refused(reasons) from cause
    except (ClientError, ValueError) as cause:
        raise Unavailable(str(cause)) from cause
