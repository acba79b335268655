"""The pages of screening days in every state: planned, on the day, printed, and what is left in the inbox."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.biomech.types import Movement, View
from app.domain.day_doubts import Doubt
from app.domain.day_guesses import Reason
from app.domain.lifecycle import RecordingState
from app.domain.screening_days import card_text
from app.domain.screenings import ScreeningContext
from app.services.day_stations import NewPass, PassView, StationBoard
from app.services.inbox import GuessView, InboxItem
from app.services.screening_days import BoardRow, DayBoard, DayView, StationView, TrialCount
from app.web.contexts.days import CardsPage, DayPage, DaysPage, InboxPage, StationPage
from app.web.contexts.parts import Link, Page, Problem, Viewer
from app.web.present_days import (
    board_tiles,
    inbox_subtitle,
    person_label,
    plan_choices,
    present_board,
    present_cards,
    present_code,
    present_day_line,
    present_item,
    present_people,
    present_stations,
    protocol_text,
)
from tests.web.samples import NOW, TEAM

NAMES = ("Maya Okafor", "Lena Brandt", "Sofia Marchetti-Lindqvist", "Aoife Byrne", "Jo Park", "Ines Roth")
STATIONS = tuple(
    StationView(id=UUID(int=40 + number), number=number, name=f"Station {number}", view=View.FRONTAL)
    for number in (1, 2)
)
DAY = DayView(
    id=UUID(int=30),
    team_id=TEAM.id,
    team_name=TEAM.name,
    name="Autumn screening",
    held_on=NOW.date(),
    context=ScreeningContext.PRE_SEASON,
    movement=Movement.DROP_VERTICAL_JUMP,
    views=(View.FRONTAL,),
    box_height_cm=31.0,
    n_trials=3,
    stations=STATIONS,
    created_at=NOW,
    closed_at=None,
)
_FILMED = ((3, 0, 0), (2, 1, 0), (1, 1, 1), (3, 1, 0), (0, 0, 0), (0, 0, 0))


def _row(place: int, *, views: tuple[View, ...] = (View.FRONTAL,)) -> BoardRow:
    done, waiting, again = _FILMED[place]
    count = TrialCount(
        view=View.FRONTAL,
        n_done=done,
        n_waiting=waiting,
        n_to_repeat=again,
        n_lacking=max(0, 3 - done - waiting),
        n_over=max(0, done + waiting - 3),
    )
    return BoardRow(
        athlete_id=UUID(int=50 + place),
        name=NAMES[place],
        bib=None if place == 5 else str(place + 7),
        card=card_text(UUID(int=50 + place)),
        counts=tuple(replace(count, view=view) for view in views),
    )


BOARD = DayBoard(day=DAY, rows=tuple(_row(place) for place in range(6)), n_without_athlete=2)
TWO_VIEWS = (View.FRONTAL, View.SAGITTAL)
FROM_BOTH = replace(
    BOARD,
    day=replace(DAY, views=TWO_VIEWS),
    rows=tuple(_row(place, views=TWO_VIEWS) for place in range(6)),
)
PHONES = (
    PassView(
        id=UUID(int=60),
        station_id=STATIONS[0].id,
        created_at=NOW,
        code_expires_at=NOW,
        opened_at=NOW,
        last_seen_at=NOW,
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1",
    ),
    PassView(
        id=UUID(int=61),
        station_id=STATIONS[1].id,
        created_at=NOW,
        code_expires_at=NOW + timedelta(minutes=30),
        opened_at=None,
        last_seen_at=None,
        user_agent=None,
    ),
)


def _guess(place: int, *reasons: Reason) -> GuessView:
    row = BOARD.rows[place]
    return GuessView(
        athlete_id=row.athlete_id, name=row.name, bib=row.bib, n_lacking=1, score=5.0, reasons=reasons
    )


UNNAMED = InboxItem(
    recording_id=UUID(int=70),
    doubt=Doubt.NOBODY,
    state=RecordingState.ANALYSED,
    athlete_id=None,
    athlete_name=None,
    movement=Movement.DROP_VERTICAL_JUMP,
    view=View.FRONTAL,
    filename="IMG_0815.MOV",
    duration_s=3.2,
    created_at=NOW,
    taken_at=NOW,
    day_id=DAY.id,
    day_name=DAY.name,
    station=STATIONS[0],
    bib="81",
    still_frame=110,
    may_be_watched=True,
    guesses=(_guess(2, Reason.BETWEEN, Reason.LACKS_TRIALS), _guess(4, Reason.NEXT_IN_ORDER)),
    is_likely=True,
)
DOUBTFUL = replace(
    UNNAMED,
    recording_id=UUID(int=71),
    doubt=Doubt.SURPLUS,
    athlete_id=BOARD.rows[3].athlete_id,
    athlete_name=BOARD.rows[3].name,
    bib=None,
    still_frame=None,
    is_likely=False,
)
WAITING = replace(
    UNNAMED,
    recording_id=UUID(int=72),
    state=RecordingState.AWAITING_CONSENT,
    day_id=None,
    day_name=None,
    station=None,
    bib=None,
    still_frame=None,
    may_be_watched=False,
    guesses=(),
    is_likely=False,
)
ITEMS = (UNNAMED, DOUBTFUL, WAITING)


def day_pages(*, viewer: Viewer, token: str) -> dict[str, Page]:
    """Return the pages of screening days in every state."""
    shared: dict[str, Any] = {"viewer": viewer, "csrf_token": token}
    code = NewPass(code="K7Q2M-9XHRT", station_pass=PHONES[1])
    day = _day(BOARD, shared)
    days = _days(shared)
    station = _station(token)
    inbox = _inbox(shared)
    return {
        "days": days,
        "days-refused": replace(
            days,
            days=(),
            problem=Problem(message="A number is missing", how_to_fix="Type a whole number."),
        ),
        "day": day,
        "day-code": replace(
            day,
            made=present_code(
                code, station_name="Station 2", link="https://screen.example.org/station#K7Q2M-9XHRT"
            ),
        ),
        "day-both-views": _day(FROM_BOTH, shared),
        "day-closed": replace(day, is_open=False, refresh_s=None, may_change=False, n_inbox=0),
        "day-nobody": replace(day, lines=()),
        "day-cards": CardsPage(
            title="Cards",
            **shared,
            day_name=DAY.name,
            cards=present_cards(BOARD, names=True),
            other_form=Link(label="Bibs alone", href="?names=no"),
        ),
        "inbox": inbox,
        "inbox-given-out": replace(
            inbox,
            cards=inbox.cards[:1],
            done="3 recordings given out.",
            undo_ids=(str(UUID(int=80)),),
            problems=("The recording is being analysed just now. Wait for its result, then move it.",),
        ),
        "inbox-empty": replace(inbox, cards=(), next_href=None, subtitle="0 without an athlete"),
        "station": station,
        "station-door": replace(
            station,
            is_inside=False,
            problem=Problem(
                message="This code does not open a station",
                how_to_fix="Ask the trainer for a new one.",
            ),
        ),
        "station-closed": replace(station, is_open=False, people=(), done="The video is sent."),
    }


def _days(shared: dict[str, Any]) -> DaysPage:
    teams, movements, occasions = plan_choices(
        (TEAM,), team_id=str(TEAM.id), movement="drop_vertical_jump", occasion="baseline"
    )
    return DaysPage(
        title="Screening days",
        **shared,
        days=(present_day_line(DAY), present_day_line(replace(DAY, name="Spring", closed_at=NOW))),
        next_href="/screening-days?cursor=x",
        may_plan=True,
        problem=None,
        teams=teams,
        movements=movements,
        occasions=occasions,
        entered={
            "name": "",
            "held_on": "2026-03-14",
            "box_height_cm": "30",
            "n_trials": "3",
            "n_front": "2",
            "n_side": "0",
        },
    )


def _day(board: DayBoard, shared: dict[str, Any]) -> DayPage:
    return DayPage(
        title=DAY.name,
        **shared,
        crumbs=(Link(label="Screening days", href="/screening-days"),),
        refresh_s=30,
        day_name=DAY.name,
        subtitle=f"14 Mar 2026 · {TEAM.name} · {protocol_text(board.day)}",
        is_open=True,
        may_change=True,
        stations=present_stations(DAY, PHONES),
        made=None,
        tiles=board_tiles(board),
        lines=present_board(board),
        inbox_href="/inbox?day=1",
        n_inbox=3,
        cards_href="/screening-days/1/cards",
        state_action="/screening-days/1/close",
        live_href="/screening-days/1/live",
    )


def _inbox(shared: dict[str, Any]) -> InboxPage:
    cards = tuple(map(present_item, ITEMS))
    return InboxPage(
        title="Inbox",
        **shared,
        crumbs=(Link(label=DAY.name, href="/screening-days/1"),),
        subtitle=inbox_subtitle(ITEMS, day_name=DAY.name),
        cards=cards,
        people=tuple(person_label(row.name, row.bib) for row in BOARD.rows),
        action="/inbox?day=1",
        n_likely=sum(card.has_choice for card in cards),
        done=None,
        problems=(),
        undo_ids=(),
        undo_action="/inbox/undo?day=1",
        next_href="/inbox?cursor=x",
    )


def _station(token: str) -> StationPage:
    return StationPage(
        title="Station 1",
        viewer=None,
        csrf_token=token,
        is_inside=True,
        token="",
        problem=None,
        done=None,
        day_name=DAY.name,
        station_id=str(STATIONS[0].id),
        station_name="Station 1",
        guide=protocol_text(DAY),
        is_open=True,
        people=present_people(StationBoard(station=STATIONS[0], board=BOARD)),
        max_upload_bytes=500_000_000,
    )
