"""Exports in the background: made as whoever asked would see it, kept for a while, gone with whoever is in them."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from app.biomech.types import Movement
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Permission, Principal, Role
from app.domain.athletes import AthleteChange
from app.domain.consent import Purpose, Relation
from app.domain.errors import (
    InvalidInputError,
    NotFoundError,
    StaleStateError,
    TooManyRequestsError,
)
from app.domain.exports import MAX_OPEN, ExportFormat, ExportState
from app.domain.metric_export import MetricExportFilter
from app.domain.webhooks import WebhookEvent
from app.integrations import export_files
from app.services import accounts, exports, metric_export, run_export, webhooks
from app.services.athletes import edit_athlete
from app.services.consents import record_consent
from app.services.erasure import erase_athlete, get_erasure, run_erasure
from app.services.exports import ExportView
from app.services.members import Place, change_member
from app.services.run_export import ExportResult, sweep_exports
from app.services.webhook_config import WebhookConfig
from app.storage.local import LocalBlobStore
from tests.factories import (
    PASSWORD,
    QUICK_PASSWORDS,
    Club,
    finish_recording,
    make_athlete,
    make_club,
    make_recording,
    make_team,
    places_of,
)

ALL = MetricExportFilter()


@dataclass(slots=True, kw_only=True)
class Office:
    """A club with two athletes, one analysis each, and their exports."""

    club: Club
    uow_factory: UnitOfWorkFactory
    blobs: LocalBlobStore
    folder: Path
    athlete_ids: list[UUID] = field(default_factory=list)

    def call(self, use_case: Callable[..., Any], principal: Principal | None = None, **values: Any) -> Any:
        who = principal or self.club.principal
        with self.uow_factory(who) as uow:
            return use_case(uow=uow, principal=who, **values)

    def ask(self, principal: Principal | None = None, **values: Any) -> ExportView:
        asked = {"file_format": ExportFormat.CSV_LONG, "wanted": ALL} | values
        view: ExportView = self.call(exports.ask_export, principal, **asked)
        return view

    def run(self, view: ExportView, **changes: Any) -> ExportResult:
        return run_export.run_export(
            export_id=view.id,
            organisation_id=self.club.id,
            uow_factory=self.uow_factory,
            blobs=self.blobs,
            staging_dir=self.folder,
            **changes,
        )

    def make(self, principal: Principal | None = None, **values: Any) -> ExportView:
        view = self.ask(principal, **values)
        assert self.run(view) is ExportResult.READY
        return self.look(view, principal)

    def look(self, view: ExportView, principal: Principal | None = None) -> ExportView:
        found: ExportView = self.call(exports.get_export, principal, export_id=view.id)
        return found

    def fetch(self, view: ExportView, principal: Principal | None = None) -> bytes:
        blob = self.call(exports.open_export, principal, blobs=self.blobs, export_id=view.id)
        return b"".join(blob.iter_range())

    def rows(self, view: ExportView, principal: Principal | None = None) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.fetch(view, principal).decode(), newline="")))

    def files(self) -> list[str]:
        return self.blobs.find_keys(f"{self.club.id}/exports")


@pytest.fixture
def office(club: Club, uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, tmp_path: Path) -> Office:
    office = Office(club=club, uow_factory=uow_factory, blobs=blobs, folder=tmp_path)
    for number, name in enumerate(("Ada Berg", "Bea Cole")):
        athlete = make_athlete(uow_factory, club, name=name)
        recording = make_recording(
            uow_factory, blobs, club, folder=tmp_path, athlete=athlete, content=bytes([number])
        ).recording
        finish_recording(uow_factory, club, recording.id)
        office.athlete_ids.append(athlete.id)
    return office


def test_export_when_made_then_it_can_be_fetched_and_says_what_it_is(office: Office) -> None:
    view = office.ask()
    assert (view.state, view.progress, view.expires_at) == (ExportState.QUEUED, 0.0, None)
    with pytest.raises(StaleStateError, match="not ready"):
        office.fetch(view)
    assert office.run(view) is ExportResult.READY
    assert office.run(view) is ExportResult.NOT_CLAIMED
    made = office.look(view)
    content = office.fetch(made)
    assert (made.state, made.progress, made.n_rows, made.size_bytes) == (
        ExportState.READY,
        1.0,
        6,
        len(content),
    )
    assert made.expires_at is not None
    assert made.finished_at is not None
    assert (made.expires_at - made.finished_at).days == 7
    assert {row["athlete_name"] for row in office.rows(made)} == {"Ada Berg", "Bea Cole"}
    with office.uow_factory(office.club.id) as uow:
        acts = uow.audit.list_newest(
            organisation_id=office.club.id, before=None, act=None, object_id=view.id, limit=9
        )
    assert [each.act for each in acts] == ["export.read", "export.made", "export.asked"]


@pytest.mark.parametrize("file_format", list(ExportFormat))
def test_export_when_of_any_form_then_made(office: Office, file_format: ExportFormat) -> None:
    made = office.make(file_format=file_format)
    assert made.n_rows
    assert office.fetch(made)


def test_export_when_for_another_system_then_with_its_ids(office: Office) -> None:
    change = AthleteChange(external_ids={"teamworks_ams": "4711"})
    office.call(edit_athlete, athlete_id=office.athlete_ids[0], change=change)
    rows = office.rows(office.make(file_format=ExportFormat.TEAMWORKS_AMS))
    assert {row["user_id"] for row in rows} == {"4711", ""}


def test_export_when_narrowed_then_only_those(office: Office) -> None:
    ada = office.athlete_ids[0]
    team = make_team(office.uow_factory, office.club)
    one = office.make(wanted=replace(ALL, athlete_ids=frozenset({ada})))
    assert {row["athlete_id"] for row in office.rows(one)} == {str(ada)}
    assert office.rows(office.make(wanted=replace(ALL, team_id=team.id))) == []
    squats = frozenset({Movement.SINGLE_LEG_SQUAT})
    assert office.rows(office.make(wanted=replace(ALL, movements=squats))) == []
    jumps = frozenset({Movement.DROP_VERTICAL_JUMP})
    assert len(office.rows(office.make(wanted=replace(ALL, movements=jumps, keys=frozenset({"fppa"}))))) == 6


def test_export_when_what_is_asked_makes_no_sense_then_told(office: Office, rival: Club) -> None:
    stranger = make_athlete(office.uow_factory, rival)
    with pytest.raises(NotFoundError):
        office.ask(wanted=replace(ALL, athlete_ids=frozenset({stranger.id})))
    with pytest.raises(NotFoundError):
        office.ask(wanted=replace(ALL, team_id=stranger.id))
    days = replace(ALL, screened_from=date(2026, 2, 1), screened_to=date(2026, 1, 1))
    with pytest.raises(InvalidInputError):
        office.ask(wanted=days)
    for _ in range(MAX_OPEN):
        office.ask()
    with pytest.raises(TooManyRequestsError):
        office.ask()


def test_export_when_an_athlete_in_it_is_erased_then_gone_at_once_with_its_file(
    office: Office, tmp_path: Path
) -> None:
    ada, bea = office.athlete_ids
    both = office.make()
    bea_alone = office.make(wanted=replace(ALL, athlete_ids=frozenset({bea})))
    assert len(office.files()) == 2
    receipt = office.call(erase_athlete, athlete_id=ada)
    assert office.look(both).state is ExportState.WITHDRAWN
    with pytest.raises(StaleStateError, match="erased"):
        office.fetch(both)
    run_erasure(
        uow_factory=office.uow_factory,
        places=places_of(office.blobs, tmp_path),
        organisation_id=office.club.id,
        erasure_id=receipt.id,
    )
    assert office.call(get_erasure, erasure_id=receipt.id).n_exports == 1
    assert [key.split("/")[-1].split("-1.")[0] for key in office.files()] == [str(bea_alone.id)]
    assert {row["athlete_id"] for row in office.rows(bea_alone)} == {str(bea)}


def test_export_when_an_athlete_is_erased_while_it_is_written_then_written_anew_without_them(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bea = office.athlete_ids
    view = office.ask()
    write = export_files.FORMS[ExportFormat.CSV_LONG].write

    def write_slowly(batches: Any, path: Path, context: Any) -> int:
        n_rows = write(batches, path, context)
        receipt = office.call(erase_athlete, athlete_id=ada)
        run_erasure(
            uow_factory=office.uow_factory,
            places=places_of(office.blobs, tmp_path),
            organisation_id=office.club.id,
            erasure_id=receipt.id,
        )
        return n_rows

    slow = replace(export_files.FORMS[ExportFormat.CSV_LONG], write=write_slowly)
    with monkeypatch.context() as patch:
        patch.setattr(run_export, "FORMS", {ExportFormat.CSV_LONG: slow})
        assert office.run(view) is ExportResult.RETRY
    assert office.files() == []
    assert office.run(view) is ExportResult.READY
    assert {row["athlete_id"] for row in office.rows(view)} == {str(bea)}


def test_export_when_consent_is_withdrawn_then_its_file_is_taken_away(office: Office) -> None:
    for athlete_id in office.athlete_ids:
        office.call(
            record_consent,
            athlete_id=athlete_id,
            given_by="Kim Doe",
            relation=Relation.PARENT,
            purposes=dict.fromkeys(Purpose, True),
        )
    made = office.make()
    office.call(
        record_consent,
        athlete_id=office.athlete_ids[0],
        given_by="Kim Doe",
        relation=Relation.PARENT,
        purposes={Purpose.SCREENING: False},
    )
    assert office.look(made).state is ExportState.WITHDRAWN
    assert office.run(made) is ExportResult.TIDIED
    assert office.files() == []


def test_export_when_its_time_is_over_then_its_file_is_removed(office: Office, engine: Engine) -> None:
    made = office.make()
    assert sweep_exports(uow_factory=office.uow_factory) == 0
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(office.club.id)})
        connection.execute(text("UPDATE export_job SET expires_at = now() - interval '1 second'"))
    assert office.look(made).state is ExportState.EXPIRED
    with pytest.raises(StaleStateError, match="not kept"):
        office.fetch(made)
    assert sweep_exports(uow_factory=office.uow_factory) == 1
    assert office.run(made) is ExportResult.TIDIED
    assert office.files() == []


def test_export_when_removed_then_its_file_is_gone_and_work_under_way_writes_nothing(office: Office) -> None:
    made = office.make()
    office.call(exports.remove_export, export_id=made.id)
    assert office.run(made) is ExportResult.TIDIED
    view = office.ask()
    called_off = lambda: bool(office.call(exports.remove_export, export_id=view.id)) or True  # noqa: E731  # called once a batch
    assert office.run(view, goes_on=called_off) is ExportResult.LOST
    assert office.look(view).state is ExportState.REMOVED
    assert office.files() == []


def test_export_when_the_worker_is_asked_to_stop_or_dies_then_another_goes_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = office.ask()
    assert office.run(view, goes_on=lambda: False) is ExportResult.RETRY
    with office.uow_factory(office.club.id) as uow:
        assert uow.export_jobs.claim(export_id=view.id, lease_s=0.0) is not None  # and dies
    assert office.run(view) is ExportResult.READY


def test_export_when_every_attempt_fails_then_given_up_and_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = WebhookConfig(secret_key="k" * 40, base_url="https://screen.example.org")
    office.call(webhooks.create_webhook, config=config, url="https://hooks.example.org/")
    view = office.ask()

    def read_nothing(**_: Any) -> Any:
        raise OSError

    monkeypatch.setattr(run_export, "read_metric_rows", read_nothing)
    results = [office.run(view) for _ in range(4)]
    assert results == [
        ExportResult.RETRY, ExportResult.RETRY, ExportResult.GAVE_UP, ExportResult.NOT_CLAIMED,
    ]  # fmt: skip
    assert office.look(view).state is ExportState.FAILED
    monkeypatch.undo()
    office.make()
    with office.uow_factory(office.club.id) as uow:
        uow.webhooks.hand_out(organisation_id=office.club.id)
        [endpoint] = uow.webhooks.list_endpoints(organisation_id=office.club.id)
        told = uow.deliveries.list_newest(
            organisation_id=office.club.id, endpoint_id=endpoint.id, state=None, before=None, limit=9
        )
    assert [each.message.type for each in told] == [WebhookEvent.EXPORT_READY, WebhookEvent.EXPORT_FAILED]
    assert told[1].message.content["export_id"] == str(view.id)


def test_export_when_it_takes_several_batches_then_each_row_once_and_its_progress_shows(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_export, "ANALYSES_AT_A_TIME", 1)
    monkeypatch.setattr(run_export, "ANALYSES_AT_A_TIME", 1)
    view = office.ask()
    seen: list[float] = []

    def look() -> bool:
        seen.append(office.look(view).progress)
        return True

    assert office.run(view, goes_on=look) is ExportResult.READY
    assert seen == [0.0, 0.5]
    assert len(office.rows(view)) == 6


def test_exports_when_asked_by_others_then_only_what_holds_nothing_they_may_not_see(
    office: Office, rival: Club
) -> None:
    mine = office.make()
    trainer = office.club.as_role(Role.TRAINER)
    clinician = replace(office.club.as_role(Role.CLINICIAN), user_id=rival.principal.user_id)
    assert office.look(mine, clinician).id == mine.id
    assert not office.look(mine, clinician).is_own
    for nobody in (trainer, rival.principal, office.club.as_role(Role.VIEWER)):
        with pytest.raises(NotFoundError):
            office.look(mine, nobody)
        assert office.call(exports.list_exports, nobody).items == ()
    coachs = office.make(trainer)
    assert office.look(coachs, office.club.as_role(Role.VIEWER)).id == coachs.id
    nameless = replace(
        office.club.as_role(Role.INTEGRATION),
        scopes=frozenset({Permission.RESULTS_READ}),
        user_id=None,
        api_key_id=uuid4(),
    )
    with pytest.raises(NotFoundError):
        office.look(coachs, nameless)
    assert {row["athlete_name"] for row in office.rows(office.make(nameless), nameless)} == {""}


def test_export_when_asked_by_a_limited_member_then_it_holds_their_teams_and_is_theirs_alone(
    office: Office,
) -> None:
    team = make_team(office.uow_factory, office.club)
    member = make_athlete(office.uow_factory, office.club, name="Cleo Dahl", team=team)
    recording = make_recording(
        office.uow_factory, office.blobs, office.club, folder=office.folder, athlete=member, content=b"c"
    ).recording
    finish_recording(office.uow_factory, office.club, recording.id)
    with office.uow_factory(None) as uow:
        user = accounts.create_user(
            uow=uow, organisation_id=office.club.id, email=f"t-{office.club.email}", display_name="T",
            password=PASSWORD, role=Role.TRAINER, passwords=QUICK_PASSWORDS,
        )  # fmt: skip
    place = Place(role=Role.TRAINER, team_ids=frozenset({team.id}))
    office.call(change_member, user_id=user.id, place=place)
    limited = Principal(
        organisation_id=office.club.id,
        role=Role.TRAINER,
        display_name="T",
        user_id=user.id,
        limited_to=user.id,
    )
    made = office.make(limited)
    assert {row["athlete_name"] for row in office.rows(made, limited)} == {"Cleo Dahl"}
    whole = office.make(office.club.as_role(Role.TRAINER))
    with pytest.raises(NotFoundError):
        office.look(whole, limited)


def test_clubs_when_each_exports_then_nothing_of_the_other(office: Office) -> None:
    other = make_club(office.uow_factory)
    view = office.call(exports.ask_export, other.principal, file_format=ExportFormat.NDJSON, wanted=ALL)
    result = run_export.run_export(
        export_id=view.id, organisation_id=other.id, uow_factory=office.uow_factory, blobs=office.blobs,
        staging_dir=office.folder,
    )  # fmt: skip
    assert result is ExportResult.READY
    assert office.call(exports.get_export, other.principal, export_id=view.id).n_rows == 0
