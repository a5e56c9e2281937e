"""The paths that are no resources: probes, version, discovery, OpenAPI, metrics."""

from collections.abc import Callable, Mapping
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

from sekisho.api import discovery
from sekisho.api.catalogue import Catalogue
from sekisho.api.errors import method_not_allowed, no_such_path, not_acceptable
from sekisho.api.negotiation import aggregated_discovery
from sekisho.api.openapi import documents, protobuf
from sekisho.api.representation import encode
from sekisho.api.routing import Page

Metrics = Callable[[], tuple[bytes, str]]
"""Makes the body of `/metrics` and its Content-Type."""


class Pages:
    """Answers them. What never changes is encoded once, when first asked for."""

    def __init__(
        self, catalogue: Catalogue, release: str, *, is_ready: Callable[[], bool], metrics: Metrics | None
    ) -> None:
        self._catalogue = catalogue
        self._is_ready = is_ready
        self._metrics = metrics
        self._version = encode(discovery.version(release))
        self._answers: Mapping[str, Callable[[Request, Page], Response]] = {
            "probe": self._probe,
            "version": lambda _, __: _json(self._version),
            "metrics": self._answer_metrics,
            "core": lambda request, _: self._discovery(request, core=True),
            "groups": lambda request, _: self._discovery(request, core=False),
            "group": lambda _, page: _json(encode(discovery.group(catalogue, page.argument))),
            "resources": lambda _, page: _json(encode(discovery.resources(catalogue, page.argument))),
            "openapi-v2": self._openapi_v2,
            "openapi-v3": lambda _, __: _json(self._index_v3),
            "openapi-v3-group": self._openapi_v3,
        }

    def answer(self, request: Request, page: Page) -> Response:
        """Raises 404, 405 and 406."""
        if request.method not in {"GET", "HEAD"}:
            raise method_not_allowed(request.method)
        return self._answers[page.name](request, page)

    def _probe(self, request: Request, _: Page) -> Response:
        ready = self._is_ready() or request.url.path.strip("/") == "livez"
        return Response("ok" if ready else "not ready", 200 if ready else 503, media_type="text/plain")

    def _answer_metrics(self, _: Request, __: Page) -> Response:
        if self._metrics is None:
            raise no_such_path()
        body, media_type = self._metrics()
        return Response(body, media_type=media_type)

    def _discovery(self, request: Request, *, core: bool) -> Response:
        version = aggregated_discovery(request.headers.get("accept", ""))
        if version is not None:
            body = encode(discovery.aggregated(self._catalogue, version, core=core))
            return Response(body, media_type=discovery.aggregated_media_type(version))
        plain = discovery.core_versions if core else discovery.groups
        return _json(encode(plain(self._catalogue)))

    def _openapi_v2(self, request: Request, _: Page) -> Response:
        accept = request.headers.get("accept", "")
        if protobuf.MEDIA_TYPE in accept:
            return Response(self._v2_protobuf, media_type="application/octet-stream")
        _refuse_other_protobuf(accept)
        return _json(self._v2_json)

    def _openapi_v3(self, request: Request, page: Page) -> Response:
        _refuse_other_protobuf(request.headers.get("accept", ""))
        body = self._v3.get(page.argument)
        if body is None:
            raise no_such_path()
        return _json(body)

    @cached_property
    def _v2_json(self) -> bytes:
        return encode(documents.document_v2(self._catalogue))

    @cached_property
    def _v2_protobuf(self) -> bytes:
        return protobuf.encode(documents.document_v2(self._catalogue))

    @cached_property
    def _v3(self) -> dict[str, bytes]:
        return documents.encoded_v3(self._catalogue)

    @cached_property
    def _index_v3(self) -> bytes:
        return encode(documents.index_v3(self._v3))


def _refuse_other_protobuf(accept: str) -> None:
    if accept and "json" not in accept and "*/*" not in accept:
        raise not_acceptable()


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
