"""What page routes ask for: who is signed in, a unit of work of theirs, and the parts of the application."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final

from fastapi import Depends, Form, Request

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal, Role
from app.domain.versions import ANY, Expected
from app.http.access import AccessRule
from app.http.identity import SAFE_METHODS, authenticate_login, check_same_origin
from app.http.parts import Parts, parts_of
from app.http.rate_limits import REQUESTS
from app.services import accounts, own_results
from app.web.contexts.parts import Viewer
from app.web.forms import CSRF_FIELD, check_form


def get_parts(request: Request) -> Parts:
    """Return the parts of the application."""
    return parts_of(request)


PartsDep = Annotated[Parts, Depends(get_parts)]


def get_principal(request: Request, parts: PartsDep) -> Principal:
    """Return who is signed in; runs before any of the body is read."""
    principal = authenticate_login(request, parts)
    if request.method not in SAFE_METHODS:
        check_same_origin(request.headers, settings=parts.settings)
    parts.rate_limiter.hit(REQUESTS, str(principal.user_id))
    return principal


PrincipalDep = Annotated[Principal, Depends(get_principal)]


def check_own_form(
    request: Request, parts: PartsDep, csrf_token: Annotated[str, Form(max_length=200)] = ""
) -> None:
    """Raise `CsrfError` unless what is posted comes from a page of ours, made for this browser."""
    check_form(request, {CSRF_FIELD: csrf_token}, settings=parts.settings)


OWN_FORM: Final = Depends(check_own_form)
"""For routes that are posted to; those that read a form with a file themselves, check it themselves."""


class PageRule(AccessRule):
    """The page is for those who are signed in and hold this permission."""

    def __init__(self, permission: Permission) -> None:
        """Keep the permission."""
        super().__init__(permission)
        self._permission = permission

    def __call__(self, principal: PrincipalDep) -> None:
        """Raise `ForbiddenError` unless the permission is held."""
        principal.require_second_factor()
        principal.require(self._permission)


class OwnRule(AccessRule):
    """The page is for the logins of athletes and guardians."""

    role: ClassVar[Role | None] = Role.ATHLETE

    def __init__(self) -> None:
        """Ask for what such a login may do."""
        super().__init__(Permission.RESULTS_READ)

    def __call__(self, principal: PrincipalDep) -> None:
        """Raise `ForbiddenError` for anybody else."""
        principal.require_second_factor()
        own_results.require_own(principal)


class SignedInRule(AccessRule):
    """The page is for those who are signed in, whatever they may do."""

    def __init__(self, *, while_enrolling: bool = False) -> None:
        """Keep whether it is open, too, to those who still have to set up a second factor."""
        super().__init__()
        self._while_enrolling = while_enrolling

    def __call__(self, principal: PrincipalDep) -> None:
        """Being known is enough, with the second factor that the organisation asks for."""
        if not self._while_enrolling:
            principal.require_second_factor()


def get_uow(parts: PartsDep, principal: PrincipalDep) -> Iterator[UnitOfWork]:
    """Open a unit of work of the principal's organisation; always ``scope="function"``, as the REST routes do."""
    with parts.uow_factory(principal) as uow:
        yield uow


UowDep = Annotated[UnitOfWork, Depends(get_uow, scope="function")]


def viewer_of(principal: Principal, *, uow: UnitOfWork | None = None) -> Viewer:
    """Return who is signed in, for the top of the page; without a unit of work, without the organisation's name."""
    name = None if uow is None else accounts.get_organisation(uow=uow, principal=principal).name
    due = principal.second_factor_due
    return Viewer(
        display_name=principal.display_name,
        organisation_name=name,
        may_switch=principal.n_organisations > 1,
        second_factor_due=None if due is None else f"{due:%d %B}".lstrip("0"),
    )


def form_version(version: Annotated[str, Form(max_length=80)] = "") -> Expected:
    """Return which version a form was filled with; one of a page opened before forms told it is for any."""
    return Expected(tags=frozenset({version})) if version else ANY


FormVersionDep = Annotated[Expected, Depends(form_version)]
