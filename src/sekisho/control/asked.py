"""The request that an explanation is about, out of a URL and headers."""

from urllib.parse import SplitResult

from sekisho.client.reviews import ExplanationSpec
from sekisho.ir.calls import Call

DEFAULT_PORTS = {"http": 80, "https": 443}


def call_of(url: SplitResult, spec: ExplanationSpec, port: int) -> Call:
    """As a client would send it to a port; a Host header counts more than the URL."""
    headers = tuple((name.lower(), value) for name, value in spec.headers)
    authority = url.netloc.rpartition("@")[2]
    return Call(
        scheme=url.scheme,
        host=next((value for name, value in headers if name == "host"), authority),
        port=port,
        path=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        method=spec.method.upper(),
        headers=tuple(pair for pair in headers if pair[0] != "host"),
        claims=spec.claims,
    )
