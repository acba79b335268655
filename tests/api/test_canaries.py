"""Forgetting somebody leaves nothing: words that occur nowhere else are planted in every table and file that holds
something of a person, and looked for afterwards in the whole database, on the whole disk and in the broker."""

import base64
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import redis
from sqlalchemy import create_engine, make_url, text

from app.db.base import Base
from app.db.provision import DatabaseUrls
from app.domain.access import Role
from app.domain.webhooks import PostOutcome
from app.jobs.celery_queue import CeleryQueue, make_celery
from app.jobs.memory_queue import MemoryQueue
from app.jobs.queue import Job
from app.services.erasure import run_erasure
from app.services.members import Place, accept_invitation, invite
from app.services.outbox import Post
from app.services.process_recording import process_recording
from app.services.sealing import BrokenSealError, seal_of
from app.services.video_reader import VideoReading
from tests.api.conftest import PASSWORD, Club
from tests.api.support import PartsForTests, fake_video
from tests.api.test_athletes import make
from tests.api.test_exports import make as make_export
from tests.api.test_roster_imports import send as send_roster
from tests.api.test_tus import begin, send
from tests.api.test_uploads import upload
from tests.factories import METHOD, QUICK_PASSWORDS, ScriptedReader
from tests.support.valkey import ValkeyServer
from tests.synth import drop_jump, video_of

WORD = "zqcanary"
"""In everything that is planted; in nothing else."""
BYTES = WORD.encode()
FIGURE, TRACK = drop_jump(fps=60.0)

PLANTED = {
    "athlete",
    "athlete_external_id",
    "athlete_word",
    "capture",
    "consent_decision",
    "correction",
    "idempotency_key",
    "invitation",
    "outgoing_mail",
    "recording",
    "roster_change",
    "roster_change_item",
    "roster_import",
    "team_member",
    "user_account",
    "webhook_attempt",
}
"""Tables that hold words somebody wrote about a person."""
OF_A_PERSON = {"athlete_id", "recording_id", "analysis_id", "screening_id", "trial_id", "assessment_id", "correction_id"}  # fmt: skip
IDS_ALONE = {
    "analysis_correction": "which correction an analysis holds",
    "analysis_feed": "that an analysis is gone, for a copy elsewhere",
    "athlete_link": "who may see whom",
    "correction_undo": "that a correction was taken back",
    "erasure": "that somebody was forgotten, for the receipt",
    "guardian_link": "the digest of a secret",
    "reanalysis_item": "which recordings are analysed anew",
    "recording_event": "what became of a recording, in words of ours",
    "webhook_message": "what happened to whom, by ids",
    "analysis": "words of ours, numbers and keys of files",
    "analysis_event": "words of ours and numbers",
    "analysis_pictures": "keys of files",
    "analysis_summary": "words of ours and numbers",
    "assessment": "words of ours and numbers",
    "assessment_component": "words of ours and numbers",
    "finding": "words of ours",
    "flagged_frame": "words of ours and numbers",
    "metric": "words of ours and numbers",
    "screening": "day and occasion",
    "screening_judgement": "words of ours and numbers",
    "trial": "movement and number",
}
"""Tables with a column of a person's that hold no word anybody wrote; add one only with what it holds."""


def canary(place: str) -> str:
    return f"{WORD}{place}"


CATALOGUE = """
SELECT quote_ident(space.nspname) || '.' || quote_ident(class.relname), class.relname
  FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace space ON space.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p', 'm') AND space.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
"""Every table there is, whether our models know it or not."""


@pytest.fixture
def dump(postgres_url: str, database: DatabaseUrls, parts: PartsForTests) -> Callable[[], dict[str, str]]:
    """Return the whole database, every organisation's, by table; what is sealed is opened."""

    def run() -> dict[str, str]:
        engine = create_engine(make_url(postgres_url).set(database=make_url(database.app_url).database))
        try:
            with engine.connect() as connection:
                return {
                    name: "\n".join(
                        _shown(parts, row)
                        for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()  # noqa: S608  # names from the catalogue
                    )
                    for table, name in connection.execute(text(CATALOGUE)).all()
                }
        finally:
            engine.dispose()

    return run


def _shown(parts: PartsForTests, row: Any) -> str:
    return " ".join(
        _opened(parts, row, bytes(value)) if isinstance(value, bytes | memoryview) else str(value)
        for value in row.values()
    )


def _opened(parts: PartsForTests, row: Any, content: bytes) -> str:
    """Return bytes as text; of sealed letters and answers, what they say."""
    seal = seal_of(parts.settings.secret_key.get_secret_value())
    owners = {"mail": row.get("id"), "answer": f"{row.get('organisation_id')}:{canary('twice')}"}
    for purpose, owner in owners.items():
        with suppress(BrokenSealError):
            return seal.open(content, purpose=purpose, owner=owner)
    return content.decode(errors="replace")


def sent_to_broker(jobs: Iterable[Job], redis_url: str, redis_client: Any) -> bytes:
    """Send the jobs by a real broker, and return every byte it holds, bodies decoded."""
    queue = CeleryQueue(make_celery(redis_url))
    for job in jobs:
        queue.send(job)
    messages = [each for key in redis_client.keys("*") if redis_client.type(key) == b"list" for each in redis_client.lrange(key, 0, -1)]  # fmt: skip
    assert messages
    bodies = [base64.b64decode(json.loads(each)["body"]) for each in messages]
    return b"".join([*messages, *bodies])


def found_on_disk(parts: PartsForTests) -> list[str]:
    """Return every file of the service's whose name or content holds a canary."""
    files = [path for path in parts.settings.data_dir.rglob("*") if path.is_file()]
    return [str(path) for path in files if WORD in str(path) or BYTES in path.read_bytes()]


def video(place: str) -> bytes:
    return fake_video() + canary(place).encode()


def plant(club: Club, parts: PartsForTests) -> dict[str, Any]:
    """Somebody about whom everything is known, by every way there is."""
    client = club.client
    report = send_roster(
        client, f"name,id,team,bib,guardian name\n{canary('kid')} B,{canary('own')},U17,{canary('bib')},{canary('mum')}\n"
    )  # fmt: skip
    import_id = report.json()["id"]
    client.patch(f"/api/v1/roster-imports/{import_id}", json={"create_teams": True})
    assert client.post(f"/api/v1/roster-imports/{import_id}/confirm").status_code == 200
    kid: dict[str, Any] = client.get(f"/api/v1/athletes/by-external-id/own/{canary('own')}").json()
    words = {
        name: canary(name) for name in ("given_name", "family_name", "sync_id", "sport", "position", "level")
    }
    known = words | {"email": f"{canary('at')}@example.org", "external_ids": {"vald": canary("vald")}}
    assert client.patch(f"/api/v1/athletes/{kid['id']}", json=known).status_code == 200
    double = make(client, name=canary("double"), external_id=canary("second"))
    client.post(f"/api/v1/athletes/{kid['id']}/merge", json={"athlete_id": double["id"]})
    purposes = {"screening": True, "keep_video": True, "share_with_coach": True}
    given = {"given_by": canary("giver"), "relation": "parent", "purposes": purposes}
    assert client.post(f"/api/v1/athletes/{kid['id']}/consent", json=given).status_code == 201
    client.post(f"/api/v1/athletes/{kid['id']}/guardian-links")
    let_in(club, parts, UUID(kid["id"]))
    webhook = {"url": "https://hooks.example.org/canaries"}
    endpoint = client.post("/api/v1/webhooks", json=webhook)
    assert endpoint.status_code == 201, endpoint.text
    assert client.patch(f"/api/v1/athletes/{kid['id']}", json={"sport": canary("sport2")}).status_code == 200
    answer_webhook(club, parts, UUID(endpoint.json()["id"]))
    send_roster(client, f"name\n{canary('waiting')}\n")
    return kid


def let_in(club: Club, parts: PartsForTests, athlete_id: UUID) -> None:
    """Mail one invitation that waits, and have another one accepted."""
    place = Place(role=Role.ATHLETE, athlete_ids=frozenset({athlete_id}))
    post = Post(
        base_url="https://screen.example.org", seal=seal_of(parts.settings.secret_key.get_secret_value())
    )
    whose = {"principal": club.principal, "place": place}
    with parts.uow_factory(club.principal) as uow:
        invite(uow=uow, email=f"{canary('invited')}@example.org", post=post, **whose)  # type: ignore[arg-type]  # a mapping of both
    with parts.uow_factory(club.principal) as uow:
        came = invite(uow=uow, email=f"{canary('came')}@example.org", **whose)  # type: ignore[arg-type]  # as above
    with parts.uow_factory(None) as uow:
        accept_invitation(
            uow=uow,
            token=came.token,
            display_name=canary("self"),
            password=PASSWORD,
            passwords=QUICK_PASSWORDS,
        )


def answer_webhook(club: Club, parts: PartsForTests, endpoint_id: UUID) -> None:
    """Have the receiver answer with somebody's name."""
    with parts.uow_factory(club.organisation_id) as uow:
        uow.webhooks.hand_out(organisation_id=club.organisation_id)
        claim = uow.deliveries.claim(
            organisation_id=club.organisation_id, endpoint_id=endpoint_id, lease_s=60.0
        )
        assert claim is not None
        outcome = PostOutcome(duration_ms=3, status=200, failure=None, answer=f"thanks for {canary('echo')}")
        uow.deliveries.record(claim, organisation_id=club.organisation_id, outcome=outcome, retry_in_s=None)


def leave_behind(club: Club, parts: PartsForTests, athlete_id: str) -> None:
    """What processes leave that were killed: half a PUT, a working folder, parts in the store."""
    folder = parts.staging.directory
    (folder / "attempt-killed").mkdir()
    left = [folder / ("0f" * 16), folder / "attempt-killed" / "video.mp4"]
    for path in left:
        path.write_bytes(canary("left").encode())
    for path in (*left, folder / "attempt-killed"):
        os.utime(path, (0, 0))
    announced = club.client.post("/api/v1/captures", json={"athlete_id": athlete_id, "size_bytes": 9000})
    part = f"{club.organisation_id}/parts/{announced.json()['id']}/00001"
    parts.blobs.put_bytes(part, canary("part").encode())


def film(club: Club, parts: PartsForTests, kid: dict[str, Any]) -> str:
    """Film, analyse, correct and read; leave half an upload and what a killed worker may leave."""
    client = club.client
    sent = upload(
        client,
        video("film"),
        fields={"athlete_id": kid["id"]},
        key=canary("key"),
        name=f"{canary('file')}.mp4",
    )
    recording_id = str(sent.json()["id"])
    process_recording(
        recording_id=UUID(recording_id),
        organisation_id=club.organisation_id,
        uow_factory=parts.uow_factory,
        blobs=parts.blobs,
        reader_factory=lambda: ScriptedReader(
            reading=VideoReading(video=replace(video_of(TRACK), sha256="b" * 64), track=TRACK)
        ),
        method=METHOD,
        staging_dir=parts.staging.directory,
    )
    analysis_id = client.get(f"/api/v1/recordings/{recording_id}").json()["analysis_id"]
    move = {
        "kind": "move_event",
        "name": "initial_contact",
        "side": "left",
        "time_s": FIGURE.contact_at_s + 0.03,
    }
    reason = move | {"reason": canary("reason")}
    headers = {"Idempotency-Key": canary("twice")}
    address = f"/api/v1/analyses/{analysis_id}/corrections"
    assert client.post(address, json=reason, headers=headers).status_code == 201
    folder = f"{club.organisation_id}/{recording_id}"
    parts.blobs.put_bytes(f"{folder}/{canary('name')}/track.npz", canary("track").encode())
    parts.blobs.put_bytes(f"{folder}/{analysis_id}/pictures-9/overlay.mp4", canary("picture").encode())
    url = begin(
        club, video("half") + bytes(100), athlete_id=kid["id"], filename=f"{canary('half')}.mp4", client_ref=canary("ref")
    )  # fmt: skip
    assert send(club, url, video("half"), 0).status_code == 204
    leave_behind(club, parts, kid["id"])
    assert make_export(parts, club, format="csv-long")["state"] == "ready"
    for path in ("history", "export"):
        assert client.get(f"/api/v1/athletes/{kid['id']}/{path}").status_code == 200
    assert client.get("/api/v1/athletes", params={"search": canary("given")}).json()["items"]
    assert canary("file") in client.get(f"/api/v1/recordings/{recording_id}").text
    return recording_id


def test_person_when_forgotten_then_nothing_planted_is_left_in_the_database_or_on_the_disk(
    make_club: Callable[[], Club],
    parts: PartsForTests,
    dump: Callable[[], dict[str, str]],
    api_queue: MemoryQueue,
    valkey_server: ValkeyServer,
) -> None:
    club = make_club()
    kid = plant(club, parts)
    film(club, parts, kid)
    other = make(club.client, name="Bystander")
    kept = upload(club.client, fields={"athlete_id": other["id"]}).json()["id"]
    busy = parts.staging.open(limit_bytes=10)
    before = dump()
    assert {table for table, rows in before.items() if WORD in rows} == PLANTED
    assert len(found_on_disk(parts)) >= 7
    asked = club.client.delete(f"/api/v1/athletes/{kid['id']}")
    assert asked.status_code == 202
    assert run_erasure(
        uow_factory=parts.uow_factory,
        places=parts.places,
        organisation_id=club.organisation_id,
        erasure_id=UUID(asked.json()["id"]),
    )
    receipt = club.client.get(f"/api/v1/erasures/{asked.json()['id']}").json()
    counted = {name: count for name, count in receipt.items() if name.startswith("n_")}
    # the original, its pictures and what was put beside them; half a file and parts of another; answers to all of plant
    assert counted.pop("n_files") >= 3
    assert counted.pop("n_answers") >= 1
    assert counted == {"n_recordings": 1, "n_uploads": 2, "n_exports": 1, "n_letters": 1, "n_logins": 1}
    busy.discard()
    after = dump()
    assert {table: rows for table, rows in after.items() if WORD in rows} == {}
    assert found_on_disk(parts) == []
    broker = sent_to_broker(api_queue.jobs, valkey_server.url, redis.Redis.from_url(valkey_server.url))
    assert BYTES not in broker
    exported = [
        club.client.get(path).text
        for path in ("/api/v1/roster-export", "/api/v1/exports/metrics.csv", "/api/v1/audit")
    ]
    assert not any(WORD in each for each in exported)
    with_id = {table for table, rows in after.items() if kid["id"] in rows}
    assert with_id <= {"athlete_tombstone", "audit_entry", "erasure", "webhook_message"}
    assert club.client.get(f"/api/v1/recordings/{kept}").status_code == 200


def test_tables_when_they_hold_something_of_a_person_then_a_canary_is_planted_in_each() -> None:
    holding = {table.name for table in Base.metadata.sorted_tables if OF_A_PERSON & set(table.columns.keys())}
    assert holding - PLANTED - IDS_ALONE.keys() == set(), "plant a word there, or say what it holds"
