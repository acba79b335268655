"""Forgetting a person, with canaries in files, rows and exports, and the zip of everything about one."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from app.db.base import Base
from app.domain.access import Role
from app.jobs.memory_queue import MemoryQueue
from app.services.erasure import resume_erasures, run_erasure
from app.storage.local import LocalBlobStore
from tests.api.conftest import Club
from tests.api.results import analyse
from tests.api.support import PartsForTests
from tests.api.test_athletes import make
from tests.api.test_errors import check_problem
from tests.api.test_privacy import YEAR, decide, files_of, film, login, state
from tests.api.test_roster_imports import send
from tests.api.test_uploads import upload


def dump(engine: Engine, club: Club) -> str:
    """Every row of every table, past what is withheld."""
    with engine.begin() as connection:
        connection.execute(
            text("SELECT set_config('app.org_id', :id, true), set_config('app.sees_withheld', '2', true)"),
            {"id": str(club.organisation_id)},
        )
        return "\n".join(
            str(row)
            for table in sorted(Base.metadata.tables)
            for row in connection.execute(text(f"SELECT to_jsonb(t) FROM {table} t")).scalars()  # noqa: S608  # names of our own tables
        )


def plant(club: Club, parts: PartsForTests) -> tuple[dict[str, Any], list[str]]:
    """Somebody whose name is everywhere: files, rows, an import, its undo, a merge, consents, an edit."""
    client = club.client
    report = send(
        client, f"name,dob,id,team,guardian name,sport\nCanary Kid,{YEAR - 12}-01-01,C-1,,Canary Parent,a\n"
    )
    client.post(f"/api/v1/roster-imports/{report.json()['id']}/confirm")
    kid = client.get("/api/v1/athletes/by-external-id/own/C-1").json()
    double = make(client, name="Canary Double", external_id="Canary-2")
    client.post(f"/api/v1/athletes/{kid['id']}/merge", json={"athlete_id": double["id"]})
    decide(client, kid, screening=True, keep_video=True, share_with_coach=True)
    client.post(f"/api/v1/athletes/{kid['id']}/guardian-links")
    ids = [
        str(upload(client, fields={"athlete_id": kid["id"]}, name="Canary Kid.mp4").json()["id"])
        for _ in "ab"
    ]
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(ids[0]))
    send(client, "name\nCanary Kid\n")  # looked at, never imported
    return kid, ids


def test_athlete_when_erased_then_no_blob_no_row_and_no_export_holds_them(
    make_club: Callable[[], Club], parts: PartsForTests, engine: Engine, api_queue: MemoryQueue
) -> None:
    club = make_club()
    kid, ids = plant(club, parts)
    other = make(club.client, name="Bystander")
    kept = film(club.client, other)
    before = dump(engine, club)
    assert before.count("Canary") > 10
    asked = club.client.delete(f"/api/v1/athletes/{kid['id']}")
    assert asked.status_code == 202
    assert asked.json()["completed_at"] is None
    job = api_queue.jobs[-1]
    assert job.args[0] == asked.json()["id"]
    assert club.client.get(f"/api/v1/recordings/{ids[0]}/analysis").status_code == 404  # hidden at once
    with pytest.raises(CrashedError):  # the process dies between the files
        _crash_after_files(parts, club, UUID(asked.json()["id"]))
    assert resume_erasures(uow_factory=parts.uow_factory, places=parts.places) == 1
    assert not run_erasure(
        uow_factory=parts.uow_factory, places=parts.places, organisation_id=club.organisation_id,
        erasure_id=UUID(asked.json()["id"]),
    )  # fmt: skip
    after = dump(engine, club)
    assert "Canary" not in after
    assert "C-1" not in after
    assert all(files_of(parts, club, each) == set() for each in ids)
    assert [
        each for each in ids if f'"{each}"' in after.replace("'", '"')
    ] == ids  # in the receipt and the trail alone
    receipt = club.client.get(asked.headers["Location"]).json()
    assert (receipt["n_recordings"], receipt["completed_at"] is not None) == (2, True)
    tombstones = club.client.get("/api/v1/athletes/tombstones").json()["items"]
    assert (kid["id"], "erased") in {(each["id"], each["reason"]) for each in tombstones}
    check_problem(club.client.get(f"/api/v1/athletes/{kid['id']}"), code="not_found")
    assert "Canary" not in club.client.get("/api/v1/roster-export").text
    assert "original.mp4" in files_of(parts, club, kept)
    assert state(club.client, kept) == "queued"


def test_athlete_when_erased_and_no_worker_runs_then_nobody_finds_them_and_copies_are_told(
    make_club: Callable[[], Club], parts: PartsForTests, address: str
) -> None:
    club = make_club()
    client = club.client
    team = client.post("/api/v1/teams", json={"name": "U12"}).json()
    kid, ids = plant(club, parts)
    other = make(client, name="Bystander", team_ids=[team["id"]])
    client.put(f"/api/v1/teams/{team['id']}/athletes/{kid['id']}", json={"bib": "7"})
    screening = client.get(f"/api/v1/recordings/{ids[0]}").json()["screening_id"]
    feed = client.get("/api/v1/analyses").json()
    with login(address, parts, club, Role.OWNER) as browser:
        lists = [
            *((client, path) for path in ("/api/v1/athletes", "/api/v1/athletes?search=canary", "/api/v1/recordings")),
            *((client, f"/api/v1/teams/{team['id']}{below}") for below in ("", "/athletes")),
            *((browser, path) for path in (f"/teams/{team['id']}", "/recordings/new", "/api/v1/roster-export")),
        ]  # fmt: skip
        gone = [
            *((client, f"/api/v1/athletes/{kid['id']}{below}") for below in ("", "/history", "/consent", "/export")),
            (client, "/api/v1/athletes/by-external-id/own/C-1"),
            *((client, f"/api/v1/recordings/{each}{below}") for each in ids for below in ("", "/original")),
            (client, f"/api/v1/screenings/{screening}"),
            (browser, f"/athletes/{kid['id']}"),
        ]  # fmt: skip
        named = [where.get(path).text for where, path in lists]
        assert sum("Canary Kid" in each for each in named) >= 5
        assert {where.get(path).status_code for where, path in gone} == {200}
        asked = client.delete(f"/api/v1/athletes/{kid['id']}")
        assert (asked.status_code, asked.json()["completed_at"]) == (202, None)
        for where, path in lists:
            answer = where.get(path)
            assert answer.status_code == 200, path
            assert not any(each in answer.text for each in ("Canary", kid["id"], *ids)), path
        assert {path: where.get(path).status_code for where, path in gone} == {path: 404 for _, path in gone}
        assert client.get(f"/api/v1/teams/{team['id']}").json()["n_athletes"] == 1
        assert other["name"] in client.get(f"/api/v1/teams/{team['id']}/athletes").text
        assert kid["id"] in client.get("/api/v1/athletes/tombstones").text
        told = client.get(
            "/api/v1/analyses", params={"cursor": feed["next_cursor"]} if feed["next_cursor"] else {}
        )
        assert [each["deleted_at"] is not None for each in told.json()["items"]] == [True]
        again = client.delete(f"/api/v1/athletes/{kid['id']}")
        assert (again.status_code, again.json()) == (202, asked.json())
        assert all(files_of(parts, club, each) for each in ids), "the files are the job's"
        assert resume_erasures(uow_factory=parts.uow_factory, places=parts.places) == 1
        assert not any(files_of(parts, club, each) for each in ids)
        receipt = client.get(asked.headers["Location"]).json()
        assert (receipt["n_recordings"], receipt["n_files"] > 2, receipt["completed_at"] is None) == (
            2,
            True,
            False,
        )
        check_problem(client.delete(f"/api/v1/athletes/{kid['id']}"), code="not_found")


class CrashedError(Exception):
    """The process is gone."""


def _crash_after_files(parts: PartsForTests, club: Club, erasure_id: UUID) -> None:
    class Dying(LocalBlobStore):
        def __init__(self) -> None:
            self.n_calls = 0

        def delete_all(self, prefix: str) -> int:
            self.n_calls += 1
            n_files = parts.blobs.delete_all(prefix)
            if self.n_calls == 2:
                raise CrashedError
            return n_files

    run_erasure(
        uow_factory=parts.uow_factory,
        places=replace(parts.places, blobs=Dying()),
        organisation_id=club.organisation_id,
        erasure_id=erasure_id,
    )


def test_athlete_when_exported_then_everything_is_in_the_zip(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    kid, ids = plant(club, parts)
    answer = club.client.get(f"/api/v1/athletes/{kid['id']}/export")
    assert answer.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    person = json.loads(archive.read("athlete.json"))
    assert (person["name"], person["guardians"][0]["name"], len(person["consent"])) == (
        "Canary Kid", "Canary Parent", 3,
    )  # fmt: skip
    recordings = json.loads(archive.read("recordings.json"))
    assert {each["id"] for each in recordings} == set(ids)
    assert {len(each["analyses"]) for each in recordings} == {0, 1}
    measures = list(csv.DictReader(io.StringIO(archive.read("measures.csv").decode())))
    assert {row["recording_id"] for row in measures} == {ids[0]}
    films = [name for name in archive.namelist() if name.startswith("recordings/")]
    assert sum(name.endswith("original.mp4") for name in films) == 2
    assert any(name.endswith("overlay.mp4") for name in films)
    assert any("/other/" in name and name.endswith("kinematics.npz") for name in films)
    assert {name.rpartition("/")[2] for name in films} >= files_of(parts, club, ids[0])
    original = next(name for name in films if name.endswith("original.mp4"))
    assert archive.read(original)[4:8] == b"ftyp"
