"""Rules of session persistence (the CEL rules of its CRDs, and what is no name of a cookie or header)."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.fields import HeaderName
from sekisho.model.httproute import SessionPersistence
from sekisho.model.mistakes import value_mistakes
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason


def session(path: str, wanted: SessionPersistence) -> Iterator[Problem]:
    """A permanent cookie has an end, and a header has no cookie."""
    if wanted.session_name is not None:  # a cookie's name is a token, as a header's is (RFC 6265, 4.1.1)
        yield from value_mistakes(HeaderName, wanted.session_name, paths.field(path, "sessionName"))
    config = wanted.cookie_config
    if config is None:
        return
    if wanted.type != "Cookie":
        where = paths.field(path, "cookieConfig")
        yield Problem(where, f"is for type Cookie, and the type is {wanted.type}", reason=Reason.FORBIDDEN)
    if config.lifetime_type == "Permanent" and wanted.absolute_timeout is None:
        where = paths.field(path, "absoluteTimeout")
        yield Problem(where, "is required for lifetimeType Permanent", reason=Reason.REQUIRED)
