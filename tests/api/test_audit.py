"""The audit trail over REST: whose it is, what a line says, and who may read it."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import create_engine, text

from app.db.provision import DatabaseUrls
from app.domain.access import Permission
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.results import analyse
from tests.api.support import PartsForTests
from tests.api.test_uploads import upload

AUDIT = "/api/v1/audit"


def test_trail_when_read_then_it_names_the_request_and_where_it_came_from(
    make_club: Callable[[], Club],
) -> None:
    club = make_club()
    made = club.client.post("/api/v1/teams", json={"name": "U17"})
    line = club.client.get(AUDIT, params={"object_id": made.json()["id"]}).json()["items"][0]
    assert (line["act"], line["actor_kind"], line["actor_name"]) == ("team.created", "api_key", "tests")
    assert line["request_id"] == made.headers["X-Request-ID"]
    assert line["address"] == "127.0.0.1"


def test_videos_and_results_when_read_then_the_trail_says_so(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    recording_id = upload(club.client).json()["id"]
    analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording_id))
    for path in ("", "/analysis", "/original", "/overlay"):
        assert club.client.get(f"/api/v1/recordings/{recording_id}{path}").is_success
    lines = club.client.get(AUDIT, params={"object_id": recording_id}).json()["items"]
    assert [line["act"] for line in lines] == [
        "recording.overlay_read",
        "recording.original_read",
        "recording.result_read",
        "recording.received",
    ]


def test_trail_when_paged_then_every_line_once(make_club: Callable[[], Club]) -> None:
    club = make_club()
    for number in range(5):
        club.client.post("/api/v1/teams", json={"name": f"Team {number}"})
    numbers, address = [], f"{AUDIT}?act=team.created&limit=2"
    while address:
        answer = club.client.get(address)
        numbers += [line["sequence"] for line in answer.json()["items"]]
        address = answer.links.get("next", {}).get("url", "")
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) == 5


def test_trail_when_the_key_lacks_the_scope_then_403(club: Club, parts: PartsForTests, address: str) -> None:
    key = make_key(parts, club.principal, scopes=frozenset(Permission) - {Permission.AUDIT_READ})
    with client_with_key(address, key) as client:
        assert client.get(AUDIT).status_code == 403


def test_trail_when_another_organisation_asks_then_only_its_own(
    club: Club, make_club: Callable[[], Club]
) -> None:
    team = club.client.post("/api/v1/teams", json={"name": "Ours"}).json()
    rival = make_club()
    assert rival.client.get(AUDIT, params={"object_id": team["id"]}).json()["items"] == []


def test_change_when_the_trail_cannot_be_written_then_it_does_not_happen(
    make_club: Callable[[], Club], database: DatabaseUrls
) -> None:
    club = make_club()
    owner = create_engine(database.owner_url)
    try:
        with owner.begin() as connection:
            connection.execute(text("REVOKE INSERT ON audit_entry FROM plumbline_app"))
        assert club.client.post("/api/v1/teams", json={"name": "Unseen"}).status_code == 500
    finally:
        with owner.begin() as connection:
            connection.execute(text("GRANT INSERT ON audit_entry TO plumbline_app"))
        owner.dispose()
    assert club.client.get("/api/v1/teams").json()["items"] == []
