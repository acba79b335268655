"""The audit trail: nothing changes without a line, the lines hang together, and a changed one is found."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from app.db.unit_of_work import UnauditedWriteError
from app.domain.access import Origin, Role
from app.domain.audit import GENESIS, Act, ActorKind, BrokenLink
from app.domain.errors import ForbiddenError, InvalidInputError
from app.services import accounts, audit, recordings, roster
from app.services.read_models import BlobKind
from tests.factories import (
    PASSWORD,
    QUICK_PASSWORDS,
    finish_recording,
    make_athlete,
    make_club,
    make_recording,
)

ORIGIN = Origin(request_id="a" * 32, address="192.0.2.7", user_agent_sha256="b" * 64)


@pytest.fixture
def principal(club):
    return replace(club.principal, origin=ORIGIN)


@pytest.fixture
def trail(uow_factory, club):
    """The acts of the club so far, oldest first."""

    def read():
        with uow_factory(club.id) as uow:
            return list(uow.audit.walk(organisation_id=club.id))

    return read


@pytest.fixture
def verify(uow_factory, club):
    def run():
        (report,) = audit.verify_trails(uow_factory, organisation_id=club.id)
        return report

    return run


@pytest.fixture
def tamper(database):
    """Changes the trail as somebody could who owns the database: with its guards switched off."""

    def run(statement, **values):
        owner = create_engine(database.owner_url)
        with owner.begin() as connection:
            connection.execute(
                text("SELECT set_config('app.org_id', :id, true)"), {"id": str(values["club_id"])}
            )
            connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
            connection.execute(text(statement), values)
            connection.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER USER"))
        owner.dispose()

    return run


def test_act_when_done_then_one_line_says_who_what_and_where_from(uow_factory, principal, trail):
    before = len(trail())
    with uow_factory(principal) as uow:
        team = roster.create_team(uow=uow, principal=principal, name="U17")
    (line,) = trail()[before:]
    assert (line.act, line.object_id, line.actor_kind, line.actor_id) == (
        Act.TEAM_CREATED,
        team.id,
        ActorKind.USER,
        principal.user_id,
    )
    assert (line.address, line.user_agent_sha256, line.request_id) == (
        ORIGIN.address,
        ORIGIN.user_agent_sha256,
        ORIGIN.request_id,
    )
    assert line.detail == "{}"


def test_act_when_it_fails_then_no_line(uow_factory, principal, trail):
    before = trail()
    with suppress(InvalidInputError), uow_factory(principal) as uow:
        roster.create_team(uow=uow, principal=principal, name="U17")
        roster.create_team(uow=uow, principal=principal, name=" ")
    assert trail() == before


def test_each_privileged_act_when_done_then_leaves_exactly_one_line(
    uow_factory, blobs, club, principal, trail, tmp_path
):
    with uow_factory(None) as uow:
        token = accounts.sign_in(
            uow=uow, email=club.email, password=PASSWORD, passwords=QUICK_PASSWORDS
        ).token
    with uow_factory(principal) as uow:
        key = accounts.create_api_key(
            uow=uow, principal=principal, name="Sync", scopes=frozenset({next(iter(_scopes(principal)))})
        )
    with uow_factory(principal) as uow:
        accounts.revoke_api_key(uow=uow, principal=principal, api_key_id=key.summary.id)
    athlete = make_athlete(uow_factory, club)
    received = make_recording(uow_factory, blobs, club, folder=tmp_path, athlete=athlete)
    finish_recording(uow_factory, club, received.recording.id)
    with uow_factory(principal) as uow:
        recordings.requeue_recording(uow=uow, principal=principal, recording_id=received.recording.id)
    with uow_factory(None) as uow:
        accounts.sign_out(uow=uow, token=token)
    assert [line.act for line in trail()] == [
        Act.ORGANISATION_CREATED,
        Act.USER_CREATED,
        Act.SIGNED_IN,
        Act.API_KEY_CREATED,
        Act.API_KEY_REVOKED,
        Act.ATHLETE_CREATED,
        Act.RECORDING_RECEIVED,
        Act.RECORDING_REQUEUED,
        Act.SIGNED_OUT,
    ]


def _scopes(principal):
    from app.domain.access import PERMISSIONS

    return sorted(PERMISSIONS[principal.role])


def test_video_when_read_in_many_pieces_then_one_line_per_person_and_file(
    uow_factory, blobs, club, principal, trail, tmp_path
):
    recording_id = make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id
    finish_recording(uow_factory, club, recording_id)
    before = len(trail())
    other = replace(principal, user_id=uuid4(), role=Role.VIEWER)
    for reader in (principal, principal, other, principal):
        with uow_factory(reader) as uow:
            recordings.open_blob(
                uow=uow, blobs=blobs, principal=reader, recording_id=recording_id, kind=BlobKind.ORIGINAL
            )
    with uow_factory(principal) as uow:
        recordings.get_recording(uow=uow, principal=principal, recording_id=recording_id)
    assert [(line.act, line.actor_id) for line in trail()[before:]] == [
        (Act.ORIGINAL_READ, principal.user_id),
        (Act.ORIGINAL_READ, other.user_id),
        (Act.RESULT_READ, principal.user_id),
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda uow, club: uow.roster.add_team(organisation_id=club.id, name="Silent"),
        lambda uow, club: uow._session.execute(
            text("UPDATE organisation SET name = 'Silent' WHERE id = :id"), {"id": club.id}
        ),
        lambda uow, club: uow._session.add(_team(club)),
    ],
    ids=["by a statement", "in words", "by an object"],
)
def test_change_when_a_service_forgets_the_trail_then_it_is_refused(uow_factory, club, principal, change):
    with pytest.raises(UnauditedWriteError, match=r"team|organisation"), uow_factory(principal) as uow:
        change(uow, club)
    with uow_factory(club.id) as uow:
        assert uow.roster.list_teams(organisation_id=club.id, after=None, limit=5) == []
        assert uow.accounts.find_organisation(club.id).name != "Silent"


def _team(club):
    from app.db.models import Team

    return Team(organisation_id=club.id, name="Silent")


def test_record_when_it_names_another_organisation_then_refused(uow_factory, principal, rival):
    with pytest.raises(ValueError, match="exactly one organisation"), uow_factory(rival.id) as uow:
        uow.audit.record(actor=principal, act=Act.TEAM_CREATED)


def test_trail_when_many_write_at_once_then_it_is_one_chain(uow_factory, club, principal, verify):
    n_writers, n_acts = 8, 10

    def work(number):
        for turn in range(n_acts):
            with uow_factory(principal) as uow:
                roster.create_team(uow=uow, principal=principal, name=f"Team {number}-{turn}")

    with ThreadPoolExecutor(n_writers) as pool:
        list(pool.map(work, range(n_writers)))
    report = verify()
    assert (report.broken, report.n_records) == (None, 2 + n_writers * n_acts)


def test_trail_when_whole_then_its_head_says_where_it_ends(trail, verify):
    report = verify()
    lines = trail()
    assert lines[0].previous_hash == GENESIS
    assert (report.n_records, report.head, report.broken) == (len(lines), lines[-1].hash, None)


@pytest.mark.parametrize(
    ("statement", "broken", "at"),
    [
        ("UPDATE audit_entry SET object_id = NULL WHERE organisation_id = :club_id AND sequence = 2", BrokenLink.CHANGED, 2),
        ("UPDATE audit_entry SET created_at = created_at + interval '1 microsecond'"
         " WHERE organisation_id = :club_id AND sequence = 1", BrokenLink.CHANGED, 1),
        ("DELETE FROM audit_entry WHERE organisation_id = :club_id AND sequence = 2", BrokenLink.MISSING, 3),
        ("UPDATE audit_entry SET previous_hash = repeat('1', 64) WHERE organisation_id = :club_id AND sequence = 3",
         BrokenLink.NOT_LINKED, 3),
    ],
)  # fmt: skip
def test_trail_when_somebody_changed_it_then_the_first_broken_link_is_found(
    uow_factory, club, principal, verify, tamper, statement, broken, at
):
    for name in ("U15", "U17"):
        with uow_factory(principal) as uow:
            roster.create_team(uow=uow, principal=principal, name=name)
    assert verify().broken is None
    tamper(statement, club_id=club.id)
    report = verify()
    assert (report.broken, report.broken_at) == (broken, at)


def test_trail_when_its_end_is_cut_off_then_a_head_noted_before_shows_it(
    uow_factory, club, principal, verify, tamper
):
    first = verify().head
    with uow_factory(principal) as uow:
        roster.create_team(uow=uow, principal=principal, name="U15")
    noted = frozenset({first, verify().head})
    (whole,) = audit.verify_trails(uow_factory, organisation_id=club.id, noted=noted)
    assert (whole.broken, whole.found) == (None, noted)
    tamper(
        "DELETE FROM audit_entry WHERE organisation_id = :club_id AND sequence = :last",
        club_id=club.id,
        last=whole.n_records,
    )
    (cut,) = audit.verify_trails(uow_factory, organisation_id=club.id, noted=noted)
    assert (cut.broken, cut.found) == (None, {first})


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET detail = ''", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
def test_trail_when_even_the_owner_changes_it_then_the_guards_refuse(database, club, statement):
    owner = create_engine(database.owner_url)
    try:
        with owner.connect() as connection, pytest.raises(DBAPIError, match="never changed"):
            connection.execute(text(statement))
    finally:
        owner.dispose()


def test_trail_when_an_owner_reads_it_then_newest_first_with_names(uow_factory, club, principal):
    with uow_factory(principal) as uow:
        roster.create_team(uow=uow, principal=principal, name="U17")
    found, cursor = [], None
    while True:
        with uow_factory(principal) as uow:
            page = audit.list_audit(uow=uow, principal=principal, cursor=cursor, limit=2)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [line.act for line in found] == [Act.TEAM_CREATED, Act.USER_CREATED, Act.ORGANISATION_CREATED]
    assert found[0].actor_name == principal.display_name
    assert found[2].actor_kind is ActorKind.SERVICE


@pytest.mark.parametrize("role", [Role.TRAINER, Role.VIEWER])
def test_trail_when_asked_for_by_others_than_owners_then_forbidden(uow_factory, club, role):
    with pytest.raises(ForbiddenError), uow_factory(club.as_role(role)) as uow:
        audit.list_audit(uow=uow, principal=club.as_role(role))


def test_trail_of_another_organisation_when_read_then_nothing(uow_factory, club, rival):
    with uow_factory(rival.id) as uow:
        assert list(uow.audit.walk(organisation_id=club.id)) == []
    make_club(uow_factory)
