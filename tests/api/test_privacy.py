"""Consent at every way to a result, and what is removed when."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import create_engine, text

from app.db.provision import DatabaseUrls
from app.domain.access import Role
from app.domain.consent import Relation
from app.domain.lifecycle import RecordingState
from app.services import accounts, consents
from app.services.retention import retain_organisation, settle_recording
from app.storage.local import LocalBlobStore
from tests.api.conftest import PASSWORD, Club
from tests.api.results import STILL_FRAME, analyse
from tests.api.support import PartsForTests
from tests.api.test_athletes import make
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload

YEAR = datetime.now(UTC).year
CHILD = {"name": "Canary Kid", "date_of_birth": f"{YEAR - 12}-01-01"}
YES = {"given_by": "Canary Parent", "relation": "parent"}


def decide(client: httpx.Client, athlete: dict[str, Any], **purposes: bool) -> dict[str, Any]:
    answer = client.post(f"/api/v1/athletes/{athlete['id']}/consent", json=YES | {"purposes": purposes})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def film(client: httpx.Client, athlete: dict[str, Any]) -> str:
    return str(upload(client, fields={"athlete_id": athlete["id"]}).json()["id"])


def state(client: httpx.Client, recording_id: str) -> str:
    return str(client.get(f"/api/v1/recordings/{recording_id}").json()["state"])


@contextmanager
def login(address: str, parts: PartsForTests, club: Club, role: Role) -> Iterator[httpx.Client]:
    email = f"{uuid4().hex}@example.org"
    with parts.uow_factory(None) as uow:
        accounts.create_user(
            uow=uow, organisation_id=club.organisation_id, email=email, display_name="X", password=PASSWORD, role=role
        )  # fmt: skip
        token = accounts.sign_in(uow=uow, email=email, password=PASSWORD).token
    headers = {"Origin": address, "Cookie": f"plumbline={token}"}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        yield client


def ways_to_a_result(athlete: dict[str, Any], recording_id: str) -> dict[str, str]:
    """Every address that may show something of a result, with what gives it away."""
    recording = f"/api/v1/recordings/{recording_id}"
    team = athlete["teams"][0]["id"]
    return {
        recording: "model_sha256",
        f"{recording}/analysis": "model_sha256",
        f"{recording}/stills/{STILL_FRAME}": "",
        f"{recording}/overlay": "",
        f"{recording}/original": "",
        f"/api/v1/recordings?athlete_id={athlete['id']}": "some deviations",
        f"/api/v1/teams/{team}/athletes": "some deviations",
    }


def shows(client: httpx.Client, ways: dict[str, str]) -> set[str]:
    found = {path: client.get(path) for path in ways}
    assert all(answer.status_code in {200, 404} for answer in found.values())
    return {path for path, answer in found.items() if answer.is_success and ways[path] in answer.text}


def test_result_when_consent_comes_and_goes_then_at_no_address_more_than_was_allowed(
    make_club: Callable[[], Club], parts: PartsForTests, address: str
) -> None:
    club = make_club()
    team = club.client.post("/api/v1/teams", json={"name": "U13"}).json()
    kid = make(club.client, **CHILD, team_ids=[team["id"]])
    recording_id = film(club.client, kid)
    assert state(club.client, recording_id) == "awaiting_consent"
    ways = ways_to_a_result(kid, recording_id)
    with (
        login(address, parts, club, Role.OWNER) as owner,
        login(address, parts, club, Role.TRAINER) as trainer,
        login(address, parts, club, Role.VIEWER) as viewer,
    ):
        assert shows(owner, ways) == set()  # not even the video: nobody has agreed to anything
        decide(club.client, kid, screening=True, keep_video=True)
        assert state(club.client, recording_id) == "queued"
        analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording_id))
        assert shows(owner, ways) == set(ways)
        for coach in (trainer, viewer, club.client):
            assert shows(coach, ways) == set()
        decide(club.client, kid, share_with_coach=True)
        for everybody in (owner, trainer, viewer, club.client):
            assert shows(everybody, ways) == set(ways)
        decide(club.client, kid, screening=False)
        for everybody in (owner, trainer, viewer, club.client):
            assert shows(everybody, ways) == set()
        again = club.client.post(f"/api/v1/recordings/{recording_id}/requeue")
        check_problem(again, code="stale_state")
        decide(club.client, kid, screening=True)
        assert shows(trainer, ways) == set(ways)  # within the waiting time nothing is lost


def test_recording_when_somebody_turns_out_a_minor_then_it_waits_wherever_it_is(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    client = (club := make_club()).client
    athlete = make(client, name="Ada")
    queued, claimed = film(client, athlete), film(client, athlete)
    with parts.uow_factory(club.organisation_id) as uow:
        claim = uow.recordings.claim(UUID(claimed), lease_s=60, max_attempts=3)
    assert claim is not None
    client.patch(f"/api/v1/athletes/{athlete['id']}", json={"date_of_birth": CHILD["date_of_birth"]})
    assert {state(client, each) for each in (queued, claimed)} == {"awaiting_consent"}
    with parts.uow_factory(club.organisation_id) as uow:  # whoever was at work has lost it
        assert uow.recordings.claim(UUID(queued), lease_s=60, max_attempts=3) is None
    inbox = upload(client).json()["id"]
    client.post(f"/api/v1/recordings/{inbox}/move", json={"athlete_id": athlete["id"]})
    assert state(client, inbox) == "awaiting_consent"
    with parts.uow_factory(club.principal) as uow:
        from app.services.privacy import change_rules

        change_rules(uow=uow, principal=club.principal, changes={"age": 10})
    assert {state(client, each) for each in (queued, claimed, inbox)} == {"queued"}


def test_rules_when_changed_then_checked_and_only_by_the_owner(
    make_club: Callable[[], Club], parts: PartsForTests, address: str
) -> None:
    club = make_club()
    rules = club.client.get("/api/v1/privacy").json()
    assert (rules["rule"], rules["keep_original_days"], rules["consent_text_version"]) == (
        "minors", 30, "plumbline-1",
    )  # fmt: skip
    changed = club.client.patch(
        "/api/v1/privacy", json={"keep_original_days": None, "consent_text": "x" * 50}
    )
    assert changed.json() == rules | {
        "keep_original_days": None, "consent_text": "x" * 50, "consent_text_version": "own-1",
    }  # fmt: skip
    check_problem(club.client.patch("/api/v1/privacy", json={"consent_text": "short"}), code="invalid_input")
    check_problem(club.client.patch("/api/v1/privacy", json={"age": 99}), code="invalid_input")
    kid = make(club.client, **CHILD)
    known = {"purposes": {"research": True}}
    address_of = f"/api/v1/athletes/{kid['id']}/consent"
    assert club.client.post(address_of, json=YES | known | {"text_version": "own-1"}).status_code == 201
    check_problem(
        club.client.post(address_of, json=YES | known | {"text_version": "own-9"}), code="invalid_input"
    )
    with login(address, parts, club, Role.TRAINER) as trainer:
        assert trainer.get("/api/v1/privacy").status_code == 200
        for method, path in (
            ("PATCH", "/privacy"), ("DELETE", f"/athletes/{kid['id']}"), ("GET", f"/athletes/{kid['id']}/export"),
        ):  # fmt: skip
            assert trainer.request(method, f"/api/v1{path}", json={}).status_code == 403


def test_decisions_when_made_then_all_kept_with_who_when_and_which_text(club: Club) -> None:
    kid = make(club.client, **CHILD)
    decide(club.client, kid, screening=True, research=False)
    found = decide(club.client, kid, screening=False)
    assert [(each["purpose"], each["granted"]) for each in found["decisions"]] == [
        ("screening", True), ("research", False), ("screening", False),
    ]  # fmt: skip
    last = found["decisions"][-1]
    assert (last["given_by"], last["relation"], last["age_band"], last["source"], last["text_version"]) == (
        "Canary Parent", "parent", "under_13", "paper", "plumbline-1",
    )  # fmt: skip
    assert (found["needed"], found["may_process"], found["withheld_from"]) == (True, False, "everybody")


def test_guardian_link_when_used_then_decides_once_and_gives_another(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    kid = make(club.client, **CHILD)
    recording_id = film(club.client, kid)
    path = f"/api/v1/athletes/{kid['id']}/guardian-links"
    first = club.client.post(path).json()["url"]
    url = club.client.post(path).json()["url"]
    assert "?" not in url
    token = url.partition("/consent#")[2]
    organisation_id = consents.organisation_of_token(token)
    yes = consents.purposes_of(consents.Purpose)

    def use(secret: str, **more: Any) -> consents.NewLink:
        with parts.uow_factory(organisation_id) as uow:
            return consents.decide_by_link(
                uow=uow, organisation_id=organisation_id, token=secret, given_by="Kim", relation=Relation.PARENT,
                purposes=more.get("purposes", yes),
            )  # fmt: skip

    for bad in (first.partition("#")[2], f"{organisation_id.hex}.nonsense"):
        with pytest.raises(consents.NotFoundError):
            use(bad)
    later = use(token)
    assert state(club.client, recording_id) == "queued"
    with pytest.raises(consents.NotFoundError):
        use(token)
    use(later.token, purposes={consents.Purpose.SCREENING: False})
    assert state(club.client, recording_id) == "awaiting_consent"
    with pytest.raises(consents.NotFoundError):
        consents.organisation_of_token("nonsense")


def age(database: DatabaseUrls, club: Club, *, days: int) -> None:
    """Let everything of a club be so many days older."""
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
        )
        for column in ("created_at", "withheld_since"):
            connection.execute(
                text(
                    f"UPDATE recording SET {column} = {column} - make_interval(days => {days})"  # noqa: S608  # names of this test
                    " WHERE organisation_id = :id"
                ),
                {"id": club.organisation_id},
            )
    engine.dispose()


def files_of(parts: PartsForTests, club: Club, recording_id: str) -> set[str]:
    assert isinstance(parts.blobs, LocalBlobStore)
    folder = f"{club.organisation_id}/{recording_id}"
    return {key.rpartition("/")[2] for key in parts.blobs.find_keys(folder)}


def run_retention(parts: PartsForTests, club: Club) -> Any:
    return retain_organisation(
        uow_factory=parts.uow_factory, blobs=parts.blobs, organisation_id=club.organisation_id
    )


def test_retention_when_time_passes_then_videos_pictures_and_measures_go_in_turn(
    make_club: Callable[[], Club], parts: PartsForTests, database: DatabaseUrls
) -> None:
    club = make_club()
    recording_id = film(club.client, make(club.client))
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording_id))
    everything = files_of(parts, club, recording_id)
    assert {"original.mp4", "overlay.mp4", f"still-{STILL_FRAME}.jpg"} <= everything
    address = f"/api/v1/recordings/{recording_id}"
    assert (run_retention(parts, club).n_originals, files_of(parts, club, recording_id)) == (0, everything)
    age(database, club, days=31)
    report = run_retention(parts, club)
    assert (report.n_originals, report.n_pictures, report.n_recordings) == (1, 0, 0)
    assert files_of(parts, club, recording_id) == everything - {"original.mp4"}
    check_problem(club.client.get(f"{address}/original"), code="not_found")
    check_problem(club.client.post(f"{address}/requeue"), code="stale_state")
    age(database, club, days=150)
    assert run_retention(parts, club).n_pictures == 1
    assert not {"overlay.mp4", f"still-{STILL_FRAME}.jpg"} & files_of(parts, club, recording_id)
    assert club.client.get(f"{address}/analysis").status_code == 200
    age(database, club, days=7 * 366)
    assert run_retention(parts, club).n_recordings == 1
    assert files_of(parts, club, recording_id) == set()
    assert (state(club.client, recording_id), club.client.get(f"{address}/analysis").status_code) == (
        "purged",
        404,
    )
    assert run_retention(parts, club).n_recordings == 0


def test_recording_when_nobody_agrees_in_time_then_erased(
    make_club: Callable[[], Club], parts: PartsForTests, database: DatabaseUrls
) -> None:
    club = make_club()
    recording_id = film(club.client, make(club.client, **CHILD))
    age(database, club, days=29)
    assert run_retention(parts, club).n_unconsented == 0
    age(database, club, days=2)
    assert run_retention(parts, club).n_unconsented == 1
    assert (state(club.client, recording_id), files_of(parts, club, recording_id)) == ("purged", set())


@pytest.mark.parametrize("why", ["numbers_only", "no consent to keep the video"])
def test_video_when_only_numbers_are_to_be_kept_then_gone_after_the_analysis(
    make_club: Callable[[], Club], parts: PartsForTests, why: str
) -> None:
    club = make_club()
    if why == "numbers_only":
        club.client.patch("/api/v1/privacy", json={"numbers_only": True})
        athlete = make(club.client)
    else:
        athlete = make(club.client, **CHILD)
        decide(club.client, athlete, screening=True, share_with_coach=True)
    recording_id = film(club.client, athlete)
    ids = {"organisation_id": club.organisation_id, "recording_id": UUID(recording_id)}
    assert settle_recording(uow_factory=parts.uow_factory, blobs=parts.blobs, **ids) == 0  # not analysed yet
    analyse(parts, **ids)
    if why == "numbers_only":
        settle_recording(uow_factory=parts.uow_factory, blobs=parts.blobs, **ids)
    else:  # the job was lost: the night makes up for it
        run_retention(parts, club)
    assert not {"original.mp4", "overlay.mp4", f"still-{STILL_FRAME}.jpg"} & files_of(
        parts, club, recording_id
    )
    assert club.client.get(f"/api/v1/recordings/{recording_id}/analysis").status_code == 200


def test_states_when_consent_is_missing_then_the_recording_says_so(club: Club) -> None:
    recording = club.client.get(f"/api/v1/recordings/{film(club.client, make(club.client, **CHILD))}").json()
    assert (recording["state"], recording["final"]) == (RecordingState.AWAITING_CONSENT, False)
