"""The login of an athlete or guardian: a home with their results and decisions, of those linked to it and nobody else."""

from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.domain.access import Role
from app.domain.consent import ConsentSource, Purpose
from app.services import accounts, consents, members
from app.services.members import Place
from app.storage.local import LocalBlobStore
from tests.factories import (
    PASSWORD,
    QUICK_PASSWORDS,
    Club,
    finish_recording,
    make_athlete,
    make_recording,
    make_team,
)
from tests.web.conftest import SignIn, WebParts, token_of


@pytest.fixture
def athlete_id(parts: WebParts, club: Club, tmp_path: Path) -> UUID:
    """Somebody of a team with one result."""
    team = make_team(parts.uow_factory, club)
    athlete = make_athlete(parts.uow_factory, club, name="Ada Berg", team=team)
    blobs = LocalBlobStore(tmp_path / "blobs")
    received = make_recording(parts.uow_factory, blobs, club, folder=tmp_path, athlete=athlete)
    finish_recording(parts.uow_factory, club, received.recording.id)
    return athlete.id


@pytest.fixture
def guardian(parts: WebParts, club: Club, athlete_id: UUID, browser_of: SignIn) -> httpx.Client:
    """A browser of the athlete's guardian."""
    email = f"guardian-{club.email}"
    owner = club.principal
    with parts.uow_factory(owner) as uow:
        place = Place(role=Role.ATHLETE, athlete_ids=frozenset({athlete_id}))
        token = members.invite(uow=uow, principal=owner, email=email, place=place).token
    with parts.uow_factory(None) as uow:
        members.accept_invitation(
            uow=uow, token=token, display_name="Gil Guardian", password=PASSWORD, passwords=QUICK_PASSWORDS
        )
    return browser_of(Club(principal=owner, email=email))


def test_home_when_a_guardian_comes_then_their_athlete_alone_and_no_error(
    guardian: httpx.Client, parts: WebParts, club: Club, athlete_id: UUID
) -> None:
    other = make_athlete(parts.uow_factory, club, name="Bea Cole")
    assert guardian.get("/").headers["location"] == "/own"
    home = guardian.get("/own")
    assert home.status_code == 200
    assert "Ada Berg" in home.text
    assert "Last screened on" in home.text
    assert "Bea Cole" not in home.text
    results = guardian.get(f"/own/{athlete_id}")
    assert results.status_code == 200
    assert "In no team" not in results.text
    assert "Upload" not in results.text
    recording = results.text.partition('href="/recordings/')[2].partition('"')[0]
    assert guardian.get(f"/recordings/{recording}").status_code == 200
    for path in ("", "/consent"):
        assert guardian.get(f"/own/{other.id}{path}").status_code == 404
    assert guardian.get("/recordings/new").status_code == 403


def test_decision_when_made_then_kept_obeyed_and_told_by_whom(
    guardian: httpx.Client, parts: WebParts, club: Club, athlete_id: UUID
) -> None:
    page = guardian.get(f"/own/{athlete_id}/consent")
    assert "May Ada Berg be screened?" in page.text
    form = {
        "csrf_token": token_of(guardian, parts),
        "purpose": ["screening", "keep_video"],
        "relation": "parent",
    }
    assert guardian.post(f"/own/{athlete_id}/consent", data=form).headers["location"] == "/own?done=decided"
    home = guardian.get("/own?done=decided").text
    assert "Your decision is saved" in home
    assert "You allow: analyse the videos" in home
    with parts.uow_factory(club.principal) as uow:
        status = consents.get_consent(uow=uow, principal=club.principal, athlete_id=athlete_id)
        acts = uow.audit.list_newest(
            organisation_id=club.id, before=None, act="consent.decided", object_id=athlete_id, limit=5
        )
    assert status.verdict.granted == {Purpose.SCREENING, Purpose.KEEP_VIDEO}
    assert {(each.source, each.given_by) for each in status.decisions} == {
        (ConsentSource.LOGIN, "Gil Guardian")
    }
    assert acts[0].actor_id is not None
    again = guardian.get(f"/own/{athlete_id}/consent").text
    assert again.count(" checked") == 2
    assert guardian.post(f"/own/{athlete_id}/consent", data={}).status_code == 403


def test_own_pages_when_a_colleague_comes_then_403(
    browser: httpx.Client, athlete_id: UUID, parts: WebParts
) -> None:
    for path in ("/own", f"/own/{athlete_id}", f"/own/{athlete_id}/consent"):
        assert browser.get(path).status_code == 403
    form = {"csrf_token": token_of(browser, parts), "purpose": ["screening"]}
    assert browser.post(f"/own/{athlete_id}/consent", data=form).status_code == 403


def test_organisations_when_somebody_belongs_to_two_then_they_go_over_in_one_login(
    browser: httpx.Client, parts: WebParts, club: Club, rival: Club
) -> None:
    assert "/organisations" not in browser.get("/settings/security").text
    team = make_team(parts.uow_factory, rival, name="Rivals' first")
    with parts.uow_factory(None) as uow:
        uow.accounts.add_membership(
            organisation_id=rival.id,
            user_id=club.principal.user_id,
            role=Role.VIEWER,  # type: ignore[arg-type]  # an owner is a person
        )
    assert 'class="who-switch" href="/organisations"' in browser.get("/settings/security").text
    page = browser.get("/organisations").text
    assert "Rivals United" in page
    assert "you are here" in page
    form = {"csrf_token": token_of(browser, parts)}
    done = browser.post(f"/organisations/{rival.id}/enter", data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert browser.get("/").headers["location"] == f"/teams/{team.id}"
    assert browser.get("/settings/members").status_code == 403
    for organisation, act in ((club, "login.organisation_left"), (rival, "login.organisation_entered")):
        with parts.uow_factory(organisation.id) as uow:
            rows = uow.audit.list_newest(
                organisation_id=organisation.id, before=None, act=act, object_id=None, limit=2
            )
        assert len(rows) == 1
    browser.post(f"/organisations/{club.id}/enter", data=form)
    assert browser.get("/settings/members").status_code == 200


def test_organisation_when_not_ones_own_or_entered_by_a_provider_then_refused(
    browser: httpx.Client, parts: WebParts, club: Club, rival: Club
) -> None:
    form = {"csrf_token": token_of(browser, parts)}
    assert browser.post(f"/organisations/{rival.id}/enter", data=form).status_code == 404
    assert browser.post(f"/organisations/{rival.id}/enter").status_code == 403
    with parts.uow_factory(None) as uow:
        uow.accounts.add_membership(
            organisation_id=rival.id,
            user_id=club.principal.user_id,
            role=Role.VIEWER,  # type: ignore[arg-type]  # an owner is a person
        )
        uow._session.execute(
            text("UPDATE login_session SET method = 'provider' WHERE user_id = :id"),
            {"id": club.principal.user_id},
        )
    assert "sign in with your own password" in browser.get("/organisations").text
    assert browser.post(f"/organisations/{rival.id}/enter", data=form).status_code == 403
    with parts.uow_factory(None) as uow:
        again = accounts.sign_in(uow=uow, email=club.email, password=PASSWORD, passwords=QUICK_PASSWORDS)
    assert isinstance(again, accounts.SignedIn)
