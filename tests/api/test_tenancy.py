"""What another organisation cannot reach by filters, bodies and lists; ids in addresses are in `test_matrix`."""

from collections.abc import Callable

import httpx
import pytest

from app.domain.access import Role
from app.services import accounts
from tests.api.conftest import Club
from tests.api.support import PartsForTests
from tests.api.test_uploads import upload
from tests.api.things import Things


@pytest.fixture(scope="module")
def theirs(make_club: Callable[[], Club], parts: PartsForTests) -> Things:
    things = Things(club=make_club(), parts=parts)
    things.id_of("recording_id")
    return things


@pytest.mark.parametrize("name", ["team_id", "athlete_id"])
def test_filters_when_they_name_another_organisations_then_nothing_shows(
    club: Club, theirs: Things, name: str
) -> None:
    answer = club.client.get("/api/v1/recordings", params={name: theirs.id_of(name)})
    assert answer.status_code == 404 or answer.json()["items"] == []


def test_athlete_when_put_in_another_organisations_team_then_404(club: Club, theirs: Things) -> None:
    answer = club.client.post("/api/v1/athletes", json={"name": "X", "team_ids": [theirs.id_of("team_id")]})
    assert answer.status_code == 404


def test_lists_when_read_then_only_our_own(make_club: Callable[[], Club], theirs: Things) -> None:
    fresh = make_club()
    for path in ("teams", "athletes", "recordings"):
        assert fresh.client.get(f"/api/v1/{path}").json()["items"] == []
        assert len(theirs.club.client.get(f"/api/v1/{path}").json()["items"]) == 1


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
