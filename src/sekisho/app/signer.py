"""Certificates for this host's proxies, asked from the control plane over its API."""

from sekisho.client import Client, ClientError, Forbidden, Invalid, Unauthorized
from sekisho.client.reviews import CertificateAnswer, CertificateRequestSpec, ask
from sekisho.identity.authority import Refused
from sekisho.identity.keys import Issued
from sekisho.identity.rotation import Unavailable


class ApiSigner:
    """Implements `agent.keys.Signer`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def sign(self, request: bytes, proxy: str) -> Issued:
        """See `Signer.sign`."""
        spec = CertificateRequestSpec(csr=request.decode(), proxy=proxy)
        try:
            answer = await ask(self._client, "CertificateRequest", spec, CertificateAnswer)
            return Issued.of(answer.certificate.encode(), answer.bundle.encode())
        except (Invalid, Forbidden, Unauthorized) as cause:
            reasons = "; ".join(reason.message for reason in cause.status.causes) or str(cause)
            raise Refused(reasons) from cause
        except (ClientError, ValueError) as cause:
            raise Unavailable(str(cause)) from cause
