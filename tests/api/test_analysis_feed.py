"""Following the analyses through REST, as a platform with a database of its own does."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.api.schemas.analysis_feed import AnalysisFeedPage
from app.domain.access import Permission
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.results import analyse
from tests.api.support import PartsForTests, fake_video
from tests.api.test_errors import check_problem
from tests.api.test_uploads import upload

URL = "/api/v1/analyses"


def _analyse(parts: PartsForTests, club: Club, n: int = 1, **fields: str) -> list[str]:
    made = [upload(club.client, fake_video(5000 + number), fields=fields).json()["id"] for number in range(n)]
    for recording_id in made:
        analyse(parts, organisation_id=club.organisation_id, recording_id=UUID(recording_id))
    return made


def _read_all(club: Club, **params: Any) -> list[dict[str, Any]]:
    """Do as the documentation says: read until there is no next page."""
    items: list[dict[str, Any]] = []
    answer = club.client.get(URL, params=params)
    while True:
        assert answer.status_code == 200, answer.text
        AnalysisFeedPage.model_validate(answer.json())
        items += answer.json()["items"]
        if "next" not in answer.links:
            assert answer.json()["next_cursor"] is None
            return items
        answer = club.client.get(answer.links["next"]["url"])


def test_analyses_when_followed_by_pages_then_each_once_and_whole(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    athlete = club.client.post("/api/v1/athletes", json={"name": "Ada", "external_id": "S-7"}).json()
    recordings = _analyse(parts, club, 3, athlete_id=athlete["id"])
    items = _read_all(club, limit=2)
    assert [item["recording_id"] for item in items] == recordings
    item = items[0]
    assert (item["athlete_external_id"], item["verdict"], item["deleted_at"]) == ("S-7", "attention", None)
    assert item["score"]["value"] == 61.0
    whole = club.client.get(item["links"]["analysis"]).json()
    assert item["metrics"] == whole["metrics"]
    assert item["method"] == whole["method"]
    assert item["findings"] == [{"code": "fps_low", "severity": "warning"}]


def test_analyses_when_asked_again_from_the_last_instant_then_it_and_what_is_new(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    _analyse(parts, club, 2)
    last = _read_all(club)[-1]
    (later,) = _analyse(parts, club)
    items = _read_all(club, modified_from=last["modified_at"])
    assert [item["recording_id"] for item in items] == [last["recording_id"], later]


def test_analyses_when_filtered_by_what_one_does_not_have_then_404(club: Club) -> None:
    for name in ("athlete_id", "team_id"):
        check_problem(club.client.get(URL, params={name: str(uuid4())}), code="not_found")


@pytest.mark.parametrize(
    "params",
    [
        {"modified_from": "2026-03-14T16:05:00"},
        {"modified_from": "yesterday"},
        {"limit": 501},
        {"limit": 0},
        {"cursor": "nonsense"},
        {"verdict": "good"},
    ],
)
def test_analyses_when_asked_nonsense_then_422(club: Club, params: dict[str, Any]) -> None:
    assert club.client.get(URL, params=params).status_code == 422


def test_analyses_when_the_key_may_not_read_results_then_403(
    club: Club, parts: PartsForTests, address: str
) -> None:
    key = make_key(parts, club.principal, scopes=frozenset({Permission.ROSTER_READ}))
    with client_with_key(address, key) as client:
        assert client.get(URL).status_code == 403


def test_analyses_when_followed_then_the_audit_trail_knows(
    make_club: Callable[[], Club], parts: PartsForTests
) -> None:
    club = make_club()
    _read_all(club)
    with parts.uow_factory(club.organisation_id) as uow:
        acts = uow.audit.list_newest(
            organisation_id=club.organisation_id, before=None, act="analyses.read", object_id=None, limit=5
        )
    assert len(acts) == 1
