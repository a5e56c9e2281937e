"""The front door: lets requests in, finds the verb, and turns whatever goes wrong into a Status."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sekisho.aio.clock import Clock, SystemClock
from sekisho.aio.repeats import Repeats
from sekisho.api import deleting, patching, reading, reviewing, watching, writing
from sekisho.api.addresses import ServiceAddresses
from sekisho.api.admission import Admission
from sekisho.api.authentication import Authenticator, User, caller
from sekisho.api.authorization import Surface, Table, Verb, owns
from sekisho.api.call import Call, Parts
from sekisho.api.catalogue import Catalogue, Review
from sekisho.api.errors import (
    ApiError,
    bad_request,
    expired,
    forbidden,
    method_not_allowed,
    no_such_path,
    storage_full,
    unauthorized,
    unavailable,
)
from sekisho.api.limits import Gate, Limits, Rates, Shares
from sekisho.api.mounts import Mount
from sekisho.api.negotiation import negotiate
from sekisho.api.pages import Metrics, Pages
from sekisho.api.representation import encode
from sekisho.api.routing import Page, Router, Target
from sekisho.model.kinds import KINDS, Kind
from sekisho.model.mesh import SERVICE_RANGE, SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.model.normalise import NAME_LABEL
from sekisho.store.protocol import Expired, StorageFull, Store, StoreFailed, Write

log = structlog.get_logger()

Answer = Response | watching.WatchResponse
_Verb = Callable[[Call], Awaitable[Answer]]

_ON_COLLECTION = {"GET": Verb.LIST, "HEAD": Verb.LIST, "POST": Verb.CREATE, "DELETE": Verb.DELETE_COLLECTION}
_ON_OBJECT = {
    "GET": Verb.GET,
    "HEAD": Verb.GET,
    "PUT": Verb.UPDATE,
    "PATCH": Verb.PATCH,
    "DELETE": Verb.DELETE,
}


def _nothing(_: int) -> None:
    """For nobody who counts."""


@dataclass(frozen=True, slots=True)
class About:
    """What the API says of the system around it, and to it."""

    release: str = "0.1.0"
    """Sekisho's version, shown by `/version`."""
    service_range: IPv4Network = SERVICE_RANGE
    """Virtual addresses of Services come from it."""
    is_ready: Callable[[], bool] = lambda: True
    """Answers `/readyz` and `/healthz`."""
    metrics: Metrics | None = None
    """Makes `/metrics`; without it, that is 404."""
    refused: Callable[[int], None] = _nothing
    """Called with the HTTP status of each answer that says no."""


def create_app(
    store: Store,
    authenticator: Authenticator,
    *,
    reviews: Sequence[Review] = (),
    mounts: Sequence[Mount] = (),
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
    clock: Clock | None = None,
    about: About = About(),
) -> "Application":
    """The API over a store, as an ASGI application."""
    clock = clock or SystemClock()
    catalogue = Catalogue(KINDS.values(), reviews)
    return Application(
        parts=Parts(store, catalogue, clock, limits, Gate(limits.watches)),
        authenticator=authenticator,
        admission=Admission(store, ServiceAddresses(store, about.service_range)),
        pages=Pages(catalogue, about.release, is_ready=about.is_ready, metrics=about.metrics),
        mounts=mounts,
        refused=about.refused,
    )


class Application:
    """See `create_app`."""

    def __init__(
        self,
        *,
        parts: Parts,
        authenticator: Authenticator,
        admission: Admission,
        pages: Pages,
        mounts: Sequence[Mount] = (),
        refused: Callable[[int], None] = _nothing,
    ) -> None:
        self.catalogue = parts.catalogue
        self.router = Router(parts.catalogue)
        self.table = Table((review.kind, review.roles) for review in parts.catalogue.reviews)
        self._parts = parts
        self._authenticator = authenticator
        self._admission = admission
        self._pages = pages
        self._mounts = mounts
        self._refused = refused
        self._repeats = Repeats(parts.clock)
        self._synthetic = reviewing.Synthetic(parts.catalogue, parts.now)
        self._rates = Rates(parts.limits, parts.clock.monotonic)
        self._gate = Gate(parts.limits.requests_at_once)
        self._shares = Shares(parts.limits.user_at_once, parts.limits)
        self._shares_of_watches = Shares(parts.limits.user_watches, parts.limits)
        self._frames = watching.Frames()
        self._open: set[watching.WatchResponse] = set()
        self._stopping = False
        self._verbs: dict[Verb, _Verb] = {
            Verb.GET: lambda call: reading.get(parts, call),
            Verb.LIST: lambda call: reading.list_(parts, call),
            Verb.WATCH: lambda call: watching.watch(parts, call, self._frames, authenticator),
            Verb.CREATE: lambda call: writing.create(parts, admission, call),
            Verb.UPDATE: lambda call: writing.update(parts, admission, call),
            Verb.PATCH: lambda call: patching.patch(parts, admission, call),
            Verb.DELETE: lambda call: deleting.delete(parts, admission, call),
            Verb.DELETE_COLLECTION: lambda call: deleting.delete_collection(parts, admission, call),
        }

    async def start(self) -> None:
        """Makes the namespaces that are always there; completes what older versions stored."""
        for name in ("default", SYSTEM_NAMESPACE):
            await self._ensure_namespace(name)
        await self._admission.start()

    async def _ensure_namespace(self, name: str) -> None:
        id = ResourceId("Namespace", "", name)
        metadata = {"name": name, "labels": {NAME_LABEL: name}}
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        (made,) = await self._parts.store.write([Write("create", id, document)])
        if not isinstance(made, Exception):
            await self._parts.store.write([Write("status", id, {"status": {"phase": "Active"}})])

    async def stop(self) -> None:
        """Ends the open watches, so that their connections can close; further requests get 503."""
        self._stopping = True
        for response in tuple(self._open):
            await response.end()
        for mount in self._mounts:
            await mount.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        answer = await self._answer(request)
        if isinstance(answer, Response | Mount):
            await answer(scope, receive, send)
            return
        try:
            with self._parts.watches, self._shares_of_watches.of(answer.user):
                self._open.add(answer)
                await answer(scope, receive, send)
        except ApiError as error:
            await answer.end()
            await self._status(error)(scope, receive, send)
        finally:
            self._open.discard(answer)

    async def _answer(self, request: Request) -> Answer | Mount:
        try:
            with self._gate:
                return await self._let_in(request)
        except ApiError as error:
            return self._status(error)
        except StorageFull:
            return self._status(storage_full())
        except StoreFailed as error:
            log.warning("store failed", error=str(error))
            return self._status(unavailable("the store failed; the write was not made"))
        except Expired as error:
            return self._status(expired(str(error)))
        except RecursionError:
            return self._status(bad_request("the document is nested too deep"))
        except Exception:
            log.exception("request failed", method=request.method, path=request.scope["path"])
            return self._status(ApiError(500, "InternalError", "internal error; the server's log says more"))

    async def _let_in(self, request: Request) -> Answer | Mount:
        """Origin, then identity, then rate, then rights: an unknown caller learns of no path."""
        _refuse_foreign_origin(request)
        route = self.router.find(request.scope["path"])
        if isinstance(route, Page) and route.surface is Surface.PROBE:
            return self._pages.answer(request, route)
        user = await caller(self._authenticator, request)
        if user is None:
            raise unauthorized()
        if self._stopping:
            raise unavailable("the server is stopping")
        self._rates.take(user)
        if mount := next((one for one in self._mounts if one.holds(request.scope["path"])), None):
            return mount.of(user, request)
        match route:
            case Page():
                if not self.table.opens(user.roles, route.surface):
                    raise forbidden(f'User "{user.name}" cannot get path "{request.scope["path"]}"')
                return self._pages.answer(request, route)
            case Target():
                with self._shares.of(user):
                    return await self._on_resource(request, user, route)
            case None:
                raise no_such_path()

    async def _on_resource(self, request: Request, user: User, target: Target) -> Answer:
        query = dict(request.query_params) if request.scope["query_string"] else {}
        verb = _verb(request.method, target, query)
        own = owns(user, target.entry.kind, target.namespace or "", target.name)
        if not self.table.allows(user.roles, verb, target.entry.kind, target.subresource, own=own):
            self._tell(user, verb, target, request.scope["path"])
            raise _forbidden(user, verb, target)
        # Without exception: whoever may watch everything would else be answered by a review (a new token).
        if verb not in target.entry.verbs:
            raise method_not_allowed(request.method)
        format_ = negotiate(request.headers.get("accept", "*/*"))
        backing = target.entry.backing
        if isinstance(backing, Kind):
            return await self._verbs[verb](Call(request, user, target, backing, query, format_))
        if isinstance(backing, Review):
            return await reviewing.review(request, user, target, format_, self._parts.limits)
        now = self._parts.timestamp
        match verb:
            case Verb.GET:
                return self._synthetic.get(target, format_, now)
            case Verb.LIST:
                return self._synthetic.list(target, format_, now)
            case _:
                raise method_not_allowed(request.method)

    def _tell(self, user: User, verb: Verb, target: Target, path: str) -> None:
        """Who tries what is not theirs to do, now and then: who is refused may try on and on."""
        if (more := self._repeats.news((user.name, verb, target.entry.kind, target.subresource))) is not None:
            log.warning("refused", user=user.name, verb=verb.value, path=path, **more)

    def _status(self, error: ApiError) -> Response:
        self._refused(error.code)
        return Response(
            encode(error.status()), error.code, headers=dict(error.headers), media_type="application/json"
        )


def _verb(method: str, target: Target, query: dict[str, str]) -> Verb:
    """What a method on a path means. Raises 405."""
    verb = (_ON_OBJECT if target.name else _ON_COLLECTION).get(method)
    if verb is None:
        raise method_not_allowed(method)
    if verb in {Verb.LIST, Verb.GET} and not target.subresource and query.get("watch") in {"1", "true"}:
        return Verb.WATCH
    return verb


def _forbidden(user: User, verb: Verb, target: Target) -> ApiError:
    resource = f"{target.entry.plural}/{target.subresource}" if target.subresource else target.entry.plural
    where = f' in the namespace "{target.namespace}"' if target.namespace else " at the cluster scope"
    details: dict[str, Any] = {"kind": target.entry.plural, "group": target.entry.group}
    if target.name:
        details["name"] = target.name
    message = (
        f'{resource} is forbidden: User "{user.name}" cannot {verb} resource "{resource}" '
        f'in API group "{target.entry.group}"{where}'
    )
    return forbidden(message, details)


def _refuse_foreign_origin(request: Request) -> None:
    """A browser says where a script comes from; only our own pages may call (reliability.md C1)."""
    origin = request.headers.get("origin")
    if origin is not None and origin != f"https://{request.headers.get('host', '')}":
        raise forbidden("requests from other origins are refused")
