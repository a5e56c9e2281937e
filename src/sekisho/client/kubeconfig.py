"""Kubeconfig files: where an API is, whom to trust, who we are."""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sekisho.client.errors import ClientError


class BadKubeconfig(ClientError):
    """The file cannot be read as a kubeconfig; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One context of a kubeconfig, resolved."""

    server: str
    """`https://127.0.0.1:7443`, without a slash at the end."""
    authority: str = ""
    """PEM of the certificates to trust; empty for the system's."""
    token_file: Path | None = None
    """Holds the bearer token; read again for each request, so that a rotated token is picked up."""
    token: str = field(default="", repr=False)
    """The bearer token itself, when the file carries it inline."""
    certificate: tuple[str, str] | None = field(default=None, repr=False)
    """PEM of a client certificate and its key."""
    namespace: str = "default"
    server_name: str = ""
    """Expected in the server's certificate, where that is not the host of `server`."""

    def tls(self) -> ssl.SSLContext:
        """TLS 1.2 or newer that trusts `authority` only. Raises BadKubeconfig for PEM that does not parse."""
        try:
            context = ssl.create_default_context(cadata=self.authority or None)
            if self.certificate is not None:
                _load_certificate(context, *self.certificate)
        except (ssl.SSLError, ValueError) as cause:
            raise BadKubeconfig(f"{self.server}: certificate data does not parse: {cause}") from cause
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def bearer(self) -> str:
        """The token to send; empty for none. Raises BadKubeconfig when its file cannot be read."""
        if self.token_file is None:
            return self.token
        try:
            return self.token_file.read_text().strip()
        except OSError as cause:
            raise BadKubeconfig(f"{self.token_file}: {cause.strerror}") from cause


def read(path: Path, context: str = "", *, confined: bool = False) -> Access:
    """The context called `context`, or the current one. Raises BadKubeconfig.

    `confined` is for a file nobody named: it may name only files of its own folder, so that one planted in a
    folder we are in cannot have us send another file of ours to a server of its choice.
    """
    document = _document(path)
    chosen = context or str(document.get("current-context") or "")
    where = _named(document, "contexts", "context", chosen, path)
    cluster = _named(document, "clusters", "cluster", str(where.get("cluster") or ""), path)
    user = _named(document, "users", "user", str(where["user"]), path) if where.get("user") else {}
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise BadKubeconfig(f"{path}: cluster {where.get('cluster')!r} has no `server` URL")
    if server.startswith("http://") and user:
        raise BadKubeconfig(f"{path}: {server} is not encrypted, and who we are is not sent in the clear")
    folder = path.parent
    token_file = user.get("tokenFile")
    if confined:
        _refuse_files_elsewhere({**cluster, **user}, folder, path)
    return Access(
        server=server.rstrip("/"),
        authority=_data(cluster, "certificate-authority", folder, path),
        token_file=folder / str(token_file) if token_file else None,
        token=str(user.get("token") or ""),
        certificate=_certificate(user, folder, path),
        namespace=str(where.get("namespace") or "default"),
        server_name=str(cluster.get("tls-server-name") or ""),
    )


def write(path: Path, *, server: str, authority: str, token_file: Path, name: str = "sekisho") -> None:
    """A kubeconfig of one context, readable by its owner only, put in place at once.

    The authority (PEM) is embedded; the token stays in its file, named relative to `path`, so that the
    folder can be moved as a whole.
    """
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
                },
            }
        ],
        "users": [{"name": name, "user": {"tokenFile": os.path.relpath(token_file, path.parent)}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        "current-context": name,
    }
    _replace(path, yaml.safe_dump(document, sort_keys=False))


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as cause:
        raise BadKubeconfig(f"{path}: {cause.strerror}") from cause
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        raise BadKubeconfig(f"{path}: not a YAML file: {cause}") from cause
    if not isinstance(document, Mapping):
        raise BadKubeconfig(f"{path}: not a kubeconfig")
    return document


def _named(
    document: Mapping[str, Any], plural: str, singular: str, name: str, path: Path
) -> Mapping[str, Any]:
    for entry in document.get(plural) or ():
        if isinstance(entry, Mapping) and entry.get("name") == name:
            found = entry.get(singular)
            return found if isinstance(found, Mapping) else {}
    raise BadKubeconfig(f"{path}: {plural} has no entry called {name!r}")


def _refuse_files_elsewhere(sections: Mapping[str, Any], folder: Path, path: Path) -> None:
    for key in ("tokenFile", "certificate-authority", "client-certificate", "client-key"):
        named = sections.get(key)
        if named and not (folder / str(named)).resolve().is_relative_to(folder.resolve()):
            raise BadKubeconfig(
                f"{path}: {key} names {named}, outside this folder; it is used only with --kubeconfig {path}"
            )


def _data(section: Mapping[str, Any], key: str, folder: Path, path: Path) -> str:
    """PEM embedded as `<key>-data` in base64, or in the file that `key` names."""
    try:
        if section.get(f"{key}-data"):
            return base64.b64decode(str(section[f"{key}-data"]), validate=True).decode()
        return (folder / str(section[key])).read_text() if section.get(key) else ""
    except (OSError, UnicodeDecodeError, binascii.Error) as cause:
        raise BadKubeconfig(f"{path}: {key}: {cause}") from cause


def _certificate(user: Mapping[str, Any], folder: Path, path: Path) -> tuple[str, str] | None:
    certificate = _data(user, "client-certificate", folder, path)
    return (certificate, _data(user, "client-key", folder, path)) if certificate else None


def _load_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # The ssl module takes certificates from files only; this one is private and gone at once.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{certificate}\n{key}")
        file.flush()
        context.load_cert_chain(file.name)


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
