"""The Kubernetes-shaped REST API: discovery, CRUD, watch, tables, patches, authentication."""

from sekisho.api.application import About, Application, create_app
from sekisho.api.authentication import Authenticator, User
from sekisho.api.catalogue import Review
from sekisho.api.errors import ApiError
from sekisho.api.limits import Limits
from sekisho.api.mounts import Mount, user_of
from sekisho.api.server import ServerSettings, serve, tls_context

__all__ = [
    "About",
    "ApiError",
    "Application",
    "Authenticator",
    "Limits",
    "Mount",
    "Review",
    "ServerSettings",
    "User",
    "create_app",
    "serve",
    "tls_context",
    "user_of",
]
