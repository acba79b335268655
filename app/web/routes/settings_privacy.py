"""Whose consent the organisation asks for, and what it keeps how long, for its owners."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.errors import InvalidInputError, PreconditionFailedError
from app.domain.versions import Expected, tag_of
from app.http.parts import Parts
from app.services import privacy, removals
from app.services.removals import Removals
from app.web.contexts.parts import Problem
from app.web.contexts.privacy import PrivacyPage, RemovalNote
from app.web.deps import PageRule, PartsDep, PrincipalDep, viewer_of
from app.web.forms import check_form, form_token
from app.web.present_forms import present_problem
from app.web.present_privacy import PrivacyRequest, note_removals, present_privacy
from app.web.present_settings import settings_tabs
from app.web.privacy_fields import PrivacyEntries, read_changes
from app.web.render import page_response
from app.web.upload_fields import FormFieldsError

router = APIRouter(dependencies=[Depends(PageRule(Permission.PRIVACY_MANAGE))])

HERE = "/settings/privacy"
_DONE = {"saved": "Saved. Consent holds at once; what is due is removed each night."}
_AT_ONCE = frozenset({"numbers_only", "blur_faces"})
"""A change of these has the run follow at once, and not the next night."""
_OVERTAKEN = Problem(
    message="Somebody was faster: the rules have changed since you opened this page, and yours were not saved",
    how_to_fix="These are the rules as they are now. Change them again where you still want to.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What saving would remove, before it is done."""

    removals: Removals
    is_asked: bool
    """It is more than before, and nobody has said yes to that yet."""
    at_once: bool
    noted: str


@router.get(HERE)
def show_rules(request: Request, parts: PartsDep, principal: PrincipalDep, done: str = "") -> Response:
    """Show the rules, and what the next night removes by them."""
    return _page(request, parts, principal, done=_DONE.get(done))


@router.post(HERE)
def change_rules(
    request: Request, parts: PartsDep, principal: PrincipalDep, form: Annotated[PrivacyEntries, Form()]
) -> Response:
    """Save the rules; first tell what they would remove, where that is more than before."""
    check_form(request, {"csrf_token": form.csrf_token}, settings=parts.settings)
    try:
        told = _save(parts, principal, form)
    except PreconditionFailedError:
        return _page(
            request, parts, principal, problem=_OVERTAKEN, overtaken=form, status_code=status.HTTP_412_PRECONDITION_FAILED
        )  # fmt: skip
    except InvalidInputError as error:
        return _page(
            request, parts, principal, entered=form, problem=present_problem(error), errors=_by_field(error),
            status_code=status.HTTP_422_UNPROCESSABLE_CONTENT,
        )  # fmt: skip
    if told is None:
        return RedirectResponse(f"{HERE}?done=saved", status_code=status.HTTP_303_SEE_OTHER)
    return _page(request, parts, principal, entered=form, told=told)


def _save(parts: Parts, principal: Principal, form: PrivacyEntries) -> _Told | None:
    """Save the change and return None, or return what must be told first."""
    expected = Expected(tags=frozenset({form.version}))
    with parts.uow_factory(principal) as uow:
        present = privacy.get_rules(uow=uow, principal=principal)
        changes = read_changes(form, present=present)
        # what changes is measured against the present rules, so an older form must not come that far
        expected.check(tag_of(present), what="The organisation's rules")
        noted = tag_of(changes)
        if form.intent == "try" or (changes and form.noted != noted):
            told = _tell(uow, principal, changes, expected=expected)
            if form.intent == "try" or told.is_asked:
                return told
        if changes:
            privacy.change_rules(uow=uow, principal=principal, changes=changes, expected=expected)
    return None


def _tell(uow: UnitOfWork, principal: Principal, changes: dict[str, Any], *, expected: Expected) -> _Told:
    before = removals.find_due(uow=uow, principal=principal)
    after = removals.try_rules(uow=uow, principal=principal, changes=changes, expected=expected)
    return _Told(
        removals=after,
        is_asked=after.is_beyond(before),
        at_once=not _AT_ONCE.isdisjoint(changes),
        noted=tag_of(changes),
    )


def _by_field(error: InvalidInputError) -> dict[str, str]:
    if isinstance(error, FormFieldsError):
        return dict(error.by_field)
    return {str(error.context.get("field", "")): error.message}


def _page(
    request: Request,
    parts: Parts,
    principal: Principal,
    *,
    entered: PrivacyEntries | None = None,
    overtaken: PrivacyEntries | None = None,
    problem: Problem | None = None,
    errors: dict[str, str] | None = None,
    told: _Told | None = None,
    done: str | None = None,
    status_code: int = status.HTTP_200_OK,
) -> Response:
    with parts.uow_factory(principal) as uow:
        rules = privacy.get_rules(uow=uow, principal=principal)
        due = removals.find_due(uow=uow, principal=principal)
        viewer = viewer_of(principal, uow=uow)
    asked = PrivacyRequest(
        entries=entered or PrivacyEntries.of(rules),
        # a form that comes back keeps the version that it was filled with
        version=entered.version if entered else tag_of(rules),
        noted=told.noted if told else "",
        errors=errors or {},
        overtaken=overtaken,
    )
    page = PrivacyPage(
        title="Privacy",
        viewer=viewer,
        csrf_token=form_token(request, parts.settings),
        tabs=settings_tabs(principal, current=HERE),
        problem=problem,
        done=done,
        form=present_privacy(asked),
        tried=_tried(told) if told else None,
        is_asked=told is not None and told.is_asked,
        due=note_removals(due, title="The next night, by the rules as they are"),
    )
    return page_response(page, status=status_code)


def _tried(told: _Told) -> RemovalNote:
    when = "As soon as these rules are saved" if told.at_once else "The next night, by these rules"
    return note_removals(told.removals, title=when)
