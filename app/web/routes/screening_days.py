"""Screening days for the trainer: plan, open stations, follow the board, print cards, close."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response, status
from fastapi.responses import RedirectResponse

from app.biomech.types import Movement, View
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.errors import DomainError, InvalidInputError
from app.domain.screenings import ScreeningContext
from app.http.parts import Parts
from app.http.problems import problem_of
from app.services import day_stations, roster, screening_days
from app.services.door_links import station_link
from app.services.screening_days import DayPlan, StationPlan
from app.web.contexts.days import CardsPage, DayPage, DaysPage, JoinCode
from app.web.contexts.parts import Link
from app.web.deps import OWN_FORM, PageRule, PartsDep, PrincipalDep, UowDep, viewer_of
from app.web.forms import form_token
from app.web.present_days import (
    board_tiles,
    plan_choices,
    present_board,
    present_cards,
    present_code,
    present_day_line,
    present_stations,
    protocol_text,
    when_day,
)
from app.web.present_forms import present_problem
from app.web.render import page_response

router = APIRouter(dependencies=[Depends(PageRule(Permission.ROSTER_READ))])
WRITE = [Depends(PageRule(Permission.RECORDINGS_WRITE))]

HERE = "/screening-days"
MAX_TEAMS = 200
Text = Annotated[str, Form(max_length=400)]
_NEW = {"name": "", "box_height_cm": "30", "n_trials": "3", "n_front": "1", "n_side": "0"}


@router.get(HERE)
def show_days(
    request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep, team: str = "", cursor: str = ""
) -> Response:
    """Show the days there are, and the form for another."""
    return _days_page(request, parts, uow, principal, entered={"team_id": team}, cursor=cursor or None)


@router.post(HERE, dependencies=[*WRITE, OWN_FORM])
def plan(
    request: Request,
    parts: PartsDep,
    principal: PrincipalDep,
    team_id: Text = "",
    name: Text = "",
    held_on: Text = "",
    movement: Text = Movement.DROP_VERTICAL_JUMP.value,
    context: Text = ScreeningContext.BASELINE.value,
    box_height_cm: Text = "",
    n_trials: Text = "",
    n_front: Text = "",
    n_side: Text = "",
) -> Response:
    """Plan a day and go to it; or show the form again with what is wrong."""
    entered = {
        "team_id": team_id, "name": name, "held_on": held_on, "movement": movement, "context": context,
        "box_height_cm": box_height_cm, "n_trials": n_trials, "n_front": n_front, "n_side": n_side,
    }  # fmt: skip
    try:
        with parts.uow_factory(principal) as uow:
            day = screening_days.plan_day(uow=uow, principal=principal, plan=_read_plan(entered))
    except DomainError as error:
        with parts.uow_factory(principal) as uow:
            return _days_page(request, parts, uow, principal, entered=entered, error=error)
    return _go(f"{HERE}/{day.id}")


@router.get(HERE + "/{day_id}")
def show_day(
    day_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Show the stations and the board."""
    return page_response(_day_page(day_id, request, parts, uow, principal))


@router.get(HERE + "/{day_id}/live")
def show_board(
    day_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> Response:
    """Return the live part of the page alone."""
    page = _day_page(day_id, request, parts, uow, principal)
    return page_response(page, template="_day_board.html")


@router.get(HERE + "/{day_id}/cards")
def show_cards(
    day_id: UUID, request: Request, parts: PartsDep, uow: UowDep, principal: PrincipalDep, names: str = "yes"
) -> Response:
    """Show everybody's card, to be printed."""
    board = screening_days.get_board(uow=uow, principal=principal, day_id=day_id)
    with_names = names != "no"
    other = Link(
        label="Bibs alone" if with_names else "With names",
        href=f"{HERE}/{day_id}/cards?names={'no' if with_names else 'yes'}",
    )
    page = CardsPage(
        title=f"Cards, {board.day.name}",
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        crumbs=(Link(label=board.day.name, href=f"{HERE}/{day_id}"),),
        day_name=board.day.name,
        cards=present_cards(board, names=with_names),
        other_form=other,
    )
    return page_response(page)


@router.post(HERE + "/{day_id}/stations/{station_id}/open", dependencies=[*WRITE, OWN_FORM])
def open_station(
    day_id: UUID,
    station_id: UUID,
    request: Request,
    parts: PartsDep,
    uow: UowDep,
    principal: PrincipalDep,
) -> Response:
    """Make a join code and show it, once."""
    new = day_stations.make_pass(uow=uow, principal=principal, day_id=day_id, station_id=station_id)
    day = screening_days.get_day(uow=uow, principal=principal, day_id=day_id)
    name = next(station.name for station in day.stations if station.id == station_id)
    made = present_code(new, station_name=name, link=station_link(parts.settings.base_url, new.code))
    return page_response(_day_page(day_id, request, parts, uow, principal, made=made))


@router.post(HERE + "/{day_id}/passes/{pass_id}/end", dependencies=[*WRITE, OWN_FORM])
def end_pass(day_id: UUID, pass_id: UUID, uow: UowDep, principal: PrincipalDep) -> Response:
    """Send a phone away."""
    day_stations.revoke_pass(uow=uow, principal=principal, day_id=day_id, pass_id=pass_id)
    return _go(f"{HERE}/{day_id}")


@router.post(HERE + "/{day_id}/close", dependencies=[*WRITE, OWN_FORM])
def close_day(day_id: UUID, uow: UowDep, principal: PrincipalDep) -> Response:
    """Take nothing new for the day."""
    screening_days.close_day(uow=uow, principal=principal, day_id=day_id)
    return _go(f"{HERE}/{day_id}")


@router.post(HERE + "/{day_id}/reopen", dependencies=[*WRITE, OWN_FORM])
def reopen_day(day_id: UUID, uow: UowDep, principal: PrincipalDep) -> Response:
    """Take recordings for the day again."""
    screening_days.close_day(uow=uow, principal=principal, day_id=day_id, closed=False)
    return _go(f"{HERE}/{day_id}")


def _read_plan(entered: dict[str, str]) -> DayPlan:
    known_team = _id(entered["team_id"])
    n_front, n_side = (_number(entered, name) for name in ("n_front", "n_side"))
    box = entered["box_height_cm"].strip().replace(",", ".").removesuffix("cm").strip()
    try:
        return DayPlan(
            team_id=known_team,
            held_on=date.fromisoformat(entered["held_on"]),
            name=entered["name"].strip() or None,
            context=ScreeningContext(entered["context"]),
            movement=Movement(entered["movement"]),
            box_height_cm=float(box) if box else None,
            n_trials=_number(entered, "n_trials"),
            stations=(StationPlan(view=View.FRONTAL),) * n_front
            + (StationPlan(view=View.SAGITTAL),) * n_side,
        )
    except ValueError:
        raise InvalidInputError(
            "A value of the form could not be read.", how_to_fix="Check the day and the box height."
        ) from None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInputError("No team is chosen.", how_to_fix="Choose a team.", field="team_id") from None


def _number(entered: dict[str, str], name: str) -> int:
    text = entered[name].strip()
    if not (text.isdecimal() and len(text) < 4):
        raise InvalidInputError("A number is missing.", how_to_fix="Enter a whole number.", field=name)
    return int(text)


def _days_page(
    request: Request,
    parts: Parts,
    uow: UnitOfWork,
    principal: Principal,
    *,
    entered: dict[str, str],
    cursor: str | None = None,
    error: DomainError | None = None,
) -> Response:
    found = screening_days.list_days(uow=uow, principal=principal, cursor=cursor, limit=50)
    all_entered = _NEW | {"held_on": datetime.now(UTC).date().isoformat()} | entered
    teams, movements, occasions = plan_choices(
        roster.list_teams(uow=uow, principal=principal, archived=False, limit=MAX_TEAMS).items,
        team_id=all_entered.get("team_id", ""),
        movement=all_entered.get("movement", Movement.DROP_VERTICAL_JUMP.value),
        occasion=all_entered.get("context", ScreeningContext.BASELINE.value),
    )
    page = DaysPage(
        title="Screening days",
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        crumbs=(Link(label="Team", href="/"),),
        days=tuple(present_day_line(day) for day in found.items),
        next_href=None if found.next_cursor is None else f"{HERE}?cursor={found.next_cursor}",
        may_plan=principal.may(Permission.RECORDINGS_WRITE),
        problem=None if error is None else present_problem(error),
        teams=teams,
        movements=movements,
        occasions=occasions,
        entered=all_entered,
    )
    return page_response(page, status=status.HTTP_200_OK if error is None else problem_of(error).status)


def _day_page(
    day_id: UUID,
    request: Request,
    parts: Parts,
    uow: UnitOfWork,
    principal: Principal,
    *,
    made: JoinCode | None = None,
) -> DayPage:
    board = screening_days.get_board(uow=uow, principal=principal, day_id=day_id)
    may_change = principal.may(Permission.RECORDINGS_WRITE)
    passes = day_stations.list_passes(uow=uow, principal=principal, day_id=day_id) if may_change else ()
    day, path = board.day, f"{HERE}/{day_id}"
    is_open = day.closed_at is None
    n_over = sum(count.n_over for row in board.rows for count in row.counts)
    return DayPage(
        title=day.name,
        viewer=viewer_of(principal, uow=uow),
        csrf_token=form_token(request, parts.settings),
        crumbs=(Link(label="Screening days", href=HERE),),
        refresh_s=30 if is_open and made is None else None,
        day_name=day.name,
        subtitle=f"{when_day(day.held_on).text} · {day.team_name} · {protocol_text(day)}",
        is_open=is_open,
        may_change=may_change,
        stations=present_stations(day, passes),
        made=made,
        tiles=board_tiles(board),
        lines=present_board(board),
        inbox_href=f"/inbox?day={day_id}" if principal.may(Permission.ROSTER_WRITE) else None,
        n_inbox=board.n_without_athlete + n_over,
        cards_href=f"{path}/cards",
        state_action=f"{path}/{'close' if is_open else 'reopen'}",
        live_href=f"{path}/live",
    )


def _go(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=status.HTTP_303_SEE_OTHER)
