"""Nobody sees another organisation's anything: every route with an id, made from the routes themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app.domain.access import Permission, Role
from app.services import accounts
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.results import STILL_FRAME, analyse
from tests.api.support import PartsForTests
from tests.api.test_errors import check_problem
from tests.api.test_roster_imports import send
from tests.api.test_routes import api_routes
from tests.api.test_uploads import upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """One of everything that has an id."""

    club: Club
    ids: dict[str, str]
    imported_id: str
    """A roster file that is imported; `import_id` is one that is still looked at."""

    def address(self, path: str) -> str:
        ids = self.ids | ({"import_id": self.imported_id} if path.endswith("/report") else {})
        return path.format(**ids)


@pytest.fixture(scope="module")
def theirs(make_club: Callable[[], Club], parts: PartsForTests) -> Things:
    club = make_club()
    team = club.client.post("/api/v1/teams", json={"name": "Theirs"}).json()
    athlete = club.client.post(
        "/api/v1/athletes", json={"name": "Their Athlete", "team_ids": [team["id"]]}
    ).json()
    recording = upload(club.client, fields={"athlete_id": athlete["id"]}).json()
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording["id"]))
    other = club.client.post("/api/v1/athletes", json={"name": "Their Double"}).json()
    merged = club.client.post(f"/api/v1/athletes/{athlete['id']}/merge", json={"athlete_id": other["id"]})
    screening = club.client.get(f"/api/v1/recordings/{recording['id']}").json()["screening_id"]
    ids = {"team_id": team["id"], "athlete_id": athlete["id"], "recording_id": recording["id"]}
    ids |= {"screening_id": screening, "change_id": merged.json()["id"]}
    analysis_id = club.client.get(f"/api/v1/recordings/{recording['id']}").json()["analysis_id"]
    picked = club.client.post(
        f"/api/v1/analyses/{analysis_id}/corrections",
        json={"kind": "pick_person", "frame": 3, "x_px": 10, "y_px": 10},
    )
    ids |= {"analysis_id": analysis_id, "correction_id": picked.json()["correction"]["id"]}
    ids["import_id"] = send(club.client, "name\nA Newcomer\n").json()["id"]
    imported_id = send(club.client, "id,sport\nnobody,judo\n").json()["id"]
    assert club.client.post(f"/api/v1/roster-imports/{imported_id}/confirm").status_code == 200
    return Things(club=club, ids=ids | {"frame": str(STILL_FRAME)}, imported_id=imported_id)


def body_for(path: str, things: Things) -> dict[str, object] | None:
    """What a route needs to be sent before it looks at its ids."""
    if path.endswith(("/move", "/merge")):
        return {"athlete_id": things.ids["athlete_id"]}
    return {} if path in {"/api/v1/athletes/{athlete_id}", "/api/v1/roster-imports/{import_id}"} else None


def routes_with_ids(app: FastAPI) -> list[tuple[str, str]]:
    return sorted(
        (method, context.path or "")
        for context in api_routes(app)
        if "_id}" in (context.path or "") and (context.path or "").startswith("/api/")
        for method in context.methods or ()
    )


def test_ids_when_of_another_organisation_then_not_found_on_every_route(
    app: FastAPI, club: Club, theirs: Things
) -> None:
    routes = routes_with_ids(app)
    assert len(routes) >= 9
    for method, path in routes:
        address = theirs.address(path)
        answer = club.client.request(method, address, json=body_for(path, theirs))
        assert answer.status_code == 404, (method, path)
        check_problem(answer, code="not_found")
        assert "Theirs" not in answer.text


def test_ids_when_our_own_then_found_on_every_reading_route(app: FastAPI, theirs: Things) -> None:
    """The counterpart, without which the matrix could pass because nothing is ever found."""
    for method, path in routes_with_ids(app):
        if method == "GET":
            assert theirs.club.client.get(theirs.address(path)).status_code == 200, path


@pytest.mark.parametrize("name", ["team_id", "athlete_id"])
def test_filters_when_they_name_another_organisations_then_nothing_shows(
    club: Club, theirs: Things, name: str
) -> None:
    answer = club.client.get("/api/v1/recordings", params={name: theirs.ids[name]})
    assert answer.status_code == 404 or answer.json()["items"] == []


def test_athlete_when_put_in_another_organisations_team_then_404(club: Club, theirs: Things) -> None:
    answer = club.client.post("/api/v1/athletes", json={"name": "X", "team_ids": [theirs.ids["team_id"]]})
    assert answer.status_code == 404


def test_lists_when_read_then_only_our_own(make_club: Callable[[], Club], theirs: Things) -> None:
    fresh = make_club()
    for path in ("teams", "athletes", "recordings"):
        assert fresh.client.get(f"/api/v1/{path}").json()["items"] == []
        assert len(theirs.club.client.get(f"/api/v1/{path}").json()["items"]) == 1


READABLE = {
    "/api/v1/teams/{team_id}",
    "/api/v1/athletes/{athlete_id}",
    "/api/v1/roster-changes/{change_id}",
    "/api/v1/roster-imports/{import_id}/report",
}


def test_key_when_it_lacks_the_permission_then_403_on_every_route(
    app: FastAPI, theirs: Things, parts: PartsForTests, address: str
) -> None:
    """A key that may only read the roster gets nothing else; roster routes stay open to it."""
    key = make_key(parts, theirs.club.principal, scopes=frozenset({Permission.ROSTER_READ}))
    with client_with_key(address, key) as client:
        for method, path in routes_with_ids(app):
            expected = 200 if method == "GET" and path in READABLE else 403
            answer = client.request(method, theirs.address(path), json=body_for(path, theirs))
            assert answer.status_code == expected, (method, path)


def test_viewer_when_changing_anything_then_403(theirs: Things, parts: PartsForTests, address: str) -> None:
    with parts.uow_factory(None) as uow:
        accounts.create_user(
            uow=uow,
            organisation_id=theirs.club.organisation_id,
            email=f"viewer-{theirs.club.email}",
            display_name="Viewer",
            password="a long enough password",
            role=Role.VIEWER,
        )
        signed_in = accounts.sign_in(
            uow=uow, email=f"viewer-{theirs.club.email}", password="a long enough password"
        )
    headers = {"Origin": address, "Cookie": f"plumbline={signed_in.token}"}
    with httpx.Client(base_url=address, headers=headers) as client:
        assert client.get("/api/v1/teams").status_code == 200
        assert client.post("/api/v1/teams", json={"name": "Mine"}).status_code == 403
        assert upload(client).status_code == 403
