"""How this host's people and its agent reach the control plane: kubeconfigs, and the tokens they name."""

from pathlib import Path

import structlog

from sekisho.aio.clock import Clock
from sekisho.app.settings import Address, ControlPlane
from sekisho.app.zones.place import Mode
from sekisho.client import kubeconfig
from sekisho.identity.files import private_directory
from sekisho.identity.tokens import AGENT_LIFETIME, ALL_PROXIES, Role, Tokens

log = structlog.get_logger(__name__)

TOKEN_CHECK_SECONDS = 3600.0


class HostAccess:
    """Files in the state folder of one control plane. A global one has no agent beside it."""

    def __init__(self, settings: ControlPlane, tokens: Tokens, clock: Clock) -> None:
        self._settings = settings
        self._tokens = tokens
        self._clock = clock
        self._has_agent = settings.place.mode is Mode.ZONE

    def write(self, api: Address, authority: str) -> None:
        """The kubeconfigs, each with a token of its own. `authority`: PEM of whom to trust there."""
        settings = self._settings
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(api.host, api.host)  # noqa: S104 - compared with
        server = f"https://{Address(host, api.port)}"
        self.ensure_tokens()
        kubeconfig.write(
            settings.kubeconfig, server=server, authority=authority, token_file=self._admin_token
        )
        if self._has_agent:
            kubeconfig.write(
                settings.agent_kubeconfig, server=server, authority=authority, token_file=self._agent_token
            )

    def ensure_tokens(self) -> None:
        """The files hold tokens in the first half of their life. Raises OSError."""
        self._tokens.ensure_admin(self._admin_token)
        if self._has_agent:
            private_directory(self._agent_token.parent)
            name = "agent on this host"
            self._tokens.ensure(self._agent_token, name, Role.AGENT, AGENT_LIFETIME, ALL_PROXIES)

    async def keep(self) -> None:
        """A control plane that runs for months must not lock out its own host when the first tokens end."""
        while True:
            await self._clock.sleep(TOKEN_CHECK_SECONDS)
            try:
                self.ensure_tokens()
            except OSError as error:
                log.error("the tokens of this host are not renewed", reason=str(error))

    @property
    def _admin_token(self) -> Path:
        return self._settings.state / "admin.token"

    @property
    def _agent_token(self) -> Path:
        return self._settings.agent_kubeconfig.parent / "agent.token"
