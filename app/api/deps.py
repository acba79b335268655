"""What REST routes ask for: who is asking, a unit of work of theirs, and the parts of the application."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.versions import Expected
from app.http.access import AccessRule
from app.http.etags import HEADER as IF_MATCH
from app.http.etags import expected_of
from app.http.idempotency import AnsweredBeforeError, repeatable_of
from app.http.identity import authenticate_request
from app.http.parts import Parts, parts_of
from app.services.idempotency import find_answer, keep_answer
from app.services.sealing import seal_of

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="apiKey",
    bearerFormat="pl_live_…",
    description="An API key of your organisation.",
)
login_cookie = APIKeyCookie(
    name="plumbline",
    auto_error=False,
    scheme_name="login",
    description="The login of the pages (`__Host-plumbline` behind https); changes need the same origin.",
)


def get_parts(request: Request) -> Parts:
    """Return the parts of the application."""
    return parts_of(request)


PartsDep = Annotated[Parts, Depends(get_parts)]


def get_principal(
    request: Request,
    parts: PartsDep,
    _bearer: Annotated[object, Security(bearer)],
    _cookie: Annotated[object, Security(login_cookie)],
) -> Principal:
    """Return who is asking; runs before any of the body is read."""
    return authenticate_request(request, parts)


PrincipalDep = Annotated[Principal, Depends(get_principal)]


class Requires(AccessRule):
    """The route needs this permission."""

    def __init__(self, permission: Permission) -> None:
        """Keep the permission."""
        super().__init__(permission)
        self._permission = permission

    def __call__(self, principal: PrincipalDep) -> None:
        """Raise `ForbiddenError` unless the permission is held."""
        principal.require_second_factor()
        principal.require(self._permission)


class SignedIn(AccessRule):
    """The route needs a principal, whatever it may do."""

    def __call__(self, principal: PrincipalDep) -> None:
        """Being known is enough, with the second factor that the organisation asks for."""
        principal.require_second_factor()


def get_uow(request: Request, parts: PartsDep, principal: PrincipalDep) -> Iterator[UnitOfWork]:
    """Open a unit of work of the principal's organisation; one that was answered before ends here with that answer.

    Always ``scope="function"``: by default a dependency's exit runs after the response was sent, and a
    commit that fails would already have been answered with success.
    """
    repeatable = repeatable_of(request)
    with parts.uow_factory(principal) as uow:
        if repeatable is None:
            yield uow
            return
        ids = {"key": repeatable.key, "request_sha256": repeatable.request_sha256}
        seal = seal_of(parts.settings.secret_key.get_secret_value())
        answer = find_answer(uow=uow, principal=principal, seal=seal, **ids)
        if answer is not None:
            raise AnsweredBeforeError(answer)
        yield uow
        if repeatable.answer is not None:  # built by now, and not sent before this commits
            keep_answer(uow=uow, principal=principal, answer=repeatable.answer, seal=seal, **ids)


UowDep = Annotated[UnitOfWork, Depends(get_uow, scope="function")]


def get_expected(
    if_match: Annotated[
        str | None,
        Header(
            alias=IF_MATCH,
            description="The `ETag` you read: the change is refused (412), and nothing done, if it is no longer that."
            " Without it, or with `*`, it is made whatever the present version is.",
        ),
    ] = None,
) -> Expected:
    """Return which version an edit is meant for; every route that edits takes it, and says so by this."""
    return expected_of(if_match)


ExpectedDep = Annotated[Expected, Depends(get_expected)]

CursorQuery = Annotated[
    str | None,
    Query(max_length=500, description="The `next_cursor` of the page before; without it, the first page."),
]
LimitQuery = Annotated[int, Query(ge=1, le=200, description="At most so many items.")]
