"""The certificate of a zone: by the one before it, or by the zone token where there is none that is good."""

from collections.abc import Callable
from pathlib import Path

from sekisho.agent.keys import Purpose
from sekisho.aio.clock import Clock
from sekisho.app.host.signer import JoiningSigner
from sekisho.client.kubeconfig import Access
from sekisho.identity.authority import Refused
from sekisho.identity.keys import Credentials, Issued
from sekisho.identity.secret import Secret


class ZoneSigner:
    """Implements `agent.keys.Signer` for one zone.

    A certificate that was revoked, or has ended, needs another token: its file is read again each time.
    """

    def __init__(
        self,
        access: Access,
        held: Callable[[], Credentials | None],
        token_file: Path | None,
        clock: Clock,
    ) -> None:
        """`access`: the global control plane, without who we are. `held`: the certificate of now, if any."""
        self._access = access
        self._held = held
        self._token_file = token_file
        self._clock = clock

    async def sign(self, request: bytes, proxy: str, purpose: Purpose = Purpose.CONTROL) -> Issued:
        """See `Signer.sign`."""
        by_certificate = JoiningSigner(self._access, self._held, clock=self._clock)
        try:
            return await by_certificate.sign(request, proxy, purpose)
        except Refused:
            token = self._token()
            if token is None:
                raise
        by_token = JoiningSigner(self._access, lambda: None, clock=self._clock, token=token)
        return await by_token.sign(request, proxy, purpose)

    def _token(self) -> Secret[str] | None:
        """None without a file: whoever removes a token that is spent does well."""
        try:
            text = self._token_file.read_text(errors="replace").strip() if self._token_file else ""
        except OSError:
            return None
        return Secret(text) if text else None
