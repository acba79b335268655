"""The inbox page: guesses chosen with one key, given out at once, taken back with one more. Plain forms throughout."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.concurrency import run_in_threadpool

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.http.parts import Parts
from app.services import inbox, inbox_assignments, screening_days
from app.services.inbox_assignments import MAX_AT_ONCE, Assigned, Assignment, AssignStatus
from app.web.contexts.days import InboxPage
from app.web.contexts.parts import Link
from app.web.deps import OWN_FORM, PageRule, PartsDep, PrincipalDep, UowDep, viewer_of
from app.web.forms import check_form, form_token
from app.web.present_days import inbox_subtitle, person_label, present_item
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.ROSTER_WRITE))])

HERE = "/inbox"
_TO, _OTHER = "to-", "other-"


@router.get(HERE)
def show_inbox(
    request: Request,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
    day: UUID | None = None,
    cursor: str = "",
) -> Response:
    """Show what needs somebody; of a day, doubtful ones, too."""
    return _page(request, parts, uow, principal, day_id=day, cursor=cursor or None)


@router.post(HERE)
async def give_out(
    request: Request, parts: PartsDep, principal: PrincipalDep, day: UUID | None = None
) -> Response:
    """Give out what is chosen and show what is left."""
    form = await request.form(max_fields=3 * MAX_AT_ONCE)
    fields = {name: str(value) for name, value in form.multi_items()}
    check_form(request, fields, settings=parts.settings)
    return await run_in_threadpool(_give_out, request, parts, principal, day, fields)


@router.post(HERE + "/undo", dependencies=[OWN_FORM])
def undo(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    change_id: Annotated[list[UUID], Form(max_length=MAX_AT_ONCE)] = [],  # noqa: B006  # the framework copies it,
    day: UUID | None = None,
) -> Response:
    """Take the last assignments back."""
    with parts.uow_factory(principal) as uow:
        done = inbox_assignments.undo_assignments(uow=uow, principal=principal, change_ids=change_id)
    problems = tuple(each.problem.message for each in done if each.problem is not None)
    n_undone = len(done) - len(problems)
    with parts.uow_factory(principal) as uow:
        return _page(
            request,
            parts,
            uow,
            principal,
            day_id=day,
            done=f"{_recordings(n_undone)} back where {'it was' if n_undone == 1 else 'they were'}."
            if n_undone
            else None,
            problems=problems,
        )


def _give_out(
    request: Request, parts: Parts, principal: Principal, day_id: UUID | None, fields: Mapping[str, str]
) -> Response:
    with parts.uow_factory(principal) as uow:
        people = _people(uow, principal, day_id)
        wanted, unknown = _read(fields, people)
        done: Sequence[Assigned] = ()
        if wanted:
            done = inbox_assignments.assign_recordings(
                uow=uow, principal=principal, assignments=wanted[:MAX_AT_ONCE]
            )
    moved = [each.change_id for each in done if each.change_id is not None]
    n_kept = sum(each.status is AssignStatus.KEPT for each in done)
    told = [f"{_recordings(len(moved))} assigned"] if moved else []
    told += [f"{n_kept} left as {'it is' if n_kept == 1 else 'they are'}"] if n_kept else []
    problems = [f"{each.problem.message} {each.problem.how_to_fix}" for each in done if each.problem]
    problems += [f"Nobody, or more than one, is called “{each}”: choose from the list." for each in unknown]
    with parts.uow_factory(principal) as uow:
        return _page(
            request,
            parts,
            uow,
            principal,
            day_id=day_id,
            done=f"{', '.join(told)}." if told else None,
            problems=tuple(problems),
            undo_ids=tuple(str(each) for each in moved),
        )


def _read(
    fields: Mapping[str, str], people: Mapping[str, Sequence[UUID]]
) -> tuple[list[Assignment], list[str]]:
    """Return what is chosen, and names that are nobody's or several people's; a typed name wins over a choice."""
    wanted: list[Assignment] = []
    unknown: list[str] = []
    for name, value in fields.items():
        recording_id = _id(name.removeprefix(_TO)) if name.startswith(_TO) else None
        if recording_id is None:
            continue
        typed = fields.get(f"{_OTHER}{recording_id}", "").strip()
        athlete_id = _id(value)
        if typed:
            found = people.get(typed.casefold(), ())
            if len(found) != 1:
                unknown.append(typed[:80])
                continue
            athlete_id = found[0]
        if athlete_id is not None:
            wanted.append(Assignment(recording_id=recording_id, athlete_id=athlete_id))
    return wanted, unknown


def _people(uow: UnitOfWork, principal: Principal, day_id: UUID | None) -> dict[str, list[UUID]]:
    """Return who may be chosen, by everything one may type for them: the whole label, the bib, the name."""
    found: dict[str, list[UUID]] = {}
    for person in inbox.list_people(uow=uow, principal=principal, day_id=day_id):
        for typed in {person_label(person.name, person.bib), person.name, person.bib or person.name}:
            found.setdefault(typed.casefold(), []).append(person.id)
    return found


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _recordings(count: int) -> str:
    return f"{count} {'recording' if count == 1 else 'recordings'}"


def _page(
    request: Request,
    parts: Parts,
    uow: UnitOfWork,
    principal: Principal,
    *,
    day_id: UUID | None,
    cursor: str | None = None,
    done: str | None = None,
    problems: tuple[str, ...] = (),
    undo_ids: tuple[str, ...] = (),
) -> Response:
    next_cursor, day_name, query = None, None, ""
    crumbs: tuple[Link, ...] = (Link(label="Team", href="/"),)
    if day_id is None:
        page = inbox.list_inbox(uow=uow, principal=principal, cursor=cursor, limit=50)
        items, next_cursor = page.items, page.next_cursor
    else:
        day_name = screening_days.get_day(uow=uow, principal=principal, day_id=day_id).name
        items, query = inbox.list_day_inbox(uow=uow, principal=principal, day_id=day_id), f"?day={day_id}"
        crumbs = (Link(label=day_name, href=f"/screening-days/{day_id}"),)
    cards = tuple(present_item(item) for item in items[:MAX_AT_ONCE])
    people = inbox.list_people(uow=uow, principal=principal, day_id=day_id) if cards else ()
    return page_response(
        InboxPage(
            title="Inbox",
            viewer=viewer_of(principal, uow=uow),
            csrf_token=form_token(request, parts.settings),
            crumbs=crumbs,
            subtitle=inbox_subtitle(items, day_name=day_name),
            cards=cards,
            people=tuple(person_label(person.name, person.bib) for person in people),
            action=f"{HERE}{query}",
            n_likely=sum(card.has_choice for card in cards),
            done=done,
            problems=problems,
            undo_ids=undo_ids,
            undo_action=f"{HERE}/undo{query}",
            next_href=None if next_cursor is None else f"{HERE}?cursor={next_cursor}",
        )
    )
