"""Settings and doors as a browser uses them: invited, joined, limited, helped to a new password; keys made and ended."""

import re

import httpx
import pytest

from app.domain.access import Permission
from app.http.rate_limits import SIGN_IN_BY_ACCOUNT
from app.web.present_settings import SCOPE_LABELS
from tests.factories import PASSWORD, Club, make_team
from tests.web.conftest import SAME_ORIGIN, SignIn, WebParts, token_in, token_of

NEW_PASSWORD = "another four plain words"


@pytest.fixture
def post(browser: httpx.Client, parts: WebParts):
    """Posts a form of the signed-in owner."""

    def send(path: str, **fields: object) -> httpx.Response:
        return browser.post(path, data={"csrf_token": token_of(browser, parts), **fields})

    return send


def code_in(answer: httpx.Response) -> str:
    """The one-time value that a page shows."""
    found = re.search(r'id="made-value"[^>]* value="([^"]+)"', answer.text)
    assert found is not None, answer.text[-2000:]
    return found[1]


def test_invitation_when_made_and_opened_then_the_person_joins_and_signs_in(
    post, visitor: httpx.Client, club: Club
) -> None:
    email = f"sam-{club.email}"
    link = code_in(post("/settings/members/invite", email=email, role="trainer"))
    address, _, code = link.partition("#")
    assert address.endswith("/join")
    page = visitor.get("/join")
    look = visitor.post("/join", data={"csrf_token": token_in(page), "token": code})
    assert email in look.text
    assert code not in str(look.url)
    form = {"csrf_token": token_in(look), "token": code, "display_name": "Sam", "password": "short"}
    refused = visitor.post("/join/accept", data=form)
    assert refused.status_code == 422
    assert 'value="Sam"' in refused.text
    joined = visitor.post("/join/accept", data=form | {"password": NEW_PASSWORD})
    assert (joined.status_code, joined.headers["location"]) == (303, "/sign-in")
    again = visitor.post("/join/accept", data=form | {"password": NEW_PASSWORD})
    assert again.status_code == 401
    sign_in = {"csrf_token": token_in(visitor.get("/sign-in")), "email": email, "password": NEW_PASSWORD}
    assert visitor.post("/sign-in", data=sign_in).status_code == 303
    assert visitor.get("/settings/members").status_code == 403
    assert "/settings/members" not in visitor.get("/settings/security").text


def test_invitation_when_its_address_has_an_account_then_the_password_is_guessed_no_oftener_than_at_the_sign_in(
    post, visitor: httpx.Client, parts: WebParts, rival: Club
) -> None:
    code = code_in(post("/settings/members/invite", email=rival.email, role="trainer")).partition("#")[2]
    form = {"csrf_token": token_in(visitor.get("/join")), "token": code, "password": "not the right words"}
    assert visitor.post("/join/accept", data=form).status_code == 401
    for _ in range(SIGN_IN_BY_ACCOUNT.limit.amount - 1):
        parts.rate_limiter.hit(SIGN_IN_BY_ACCOUNT, rival.email)
    assert visitor.post("/join/accept", data=form | {"password": PASSWORD}).status_code == 429


@pytest.mark.parametrize("path", ["/join", "/join/accept", "/new-password"])
def test_door_when_the_form_comes_from_elsewhere_then_403(visitor: httpx.Client, path: str) -> None:
    visitor.get("/join")
    assert visitor.post(path, data={"token": "x"}).status_code == 403


@pytest.mark.parametrize("path", ["/join", "/new-password"])
def test_door_when_the_code_is_wrong_then_said_so_and_codes_cannot_be_guessed(
    visitor: httpx.Client, path: str
) -> None:
    form = {"csrf_token": token_in(visitor.get(path)), "token": "x" * 43, "password": NEW_PASSWORD}
    answer = visitor.post(path, data=form)
    assert answer.status_code == 401
    assert "does not hold" in answer.text


def test_member_when_changed_helped_and_removed_then_the_page_says_so(
    post, browser: httpx.Client, visitor: httpx.Client, club: Club, onlooker: httpx.Client
) -> None:
    page = browser.get("/settings/members").text
    viewer_id = re.search(r"/settings/members/([0-9a-f-]+)/role", page.split("viewer-")[1])
    assert viewer_id is not None
    base = f"/settings/members/{viewer_id[1]}"
    assert post(f"{base}/role", role="clinician").headers["location"] == "/settings/members?done=role"
    code = code_in(post(f"{base}/reset")).partition("#")[2]
    form = {"csrf_token": token_in(visitor.get("/new-password")), "token": code, "password": NEW_PASSWORD}
    assert visitor.post("/new-password", data=form).status_code == 303
    assert onlooker.get("/settings/security").status_code == 303
    assert post(f"{base}/remove").headers["location"] == "/settings/members?done=removed"
    assert post(f"{base}/role", role="viewer").status_code == 404


def version_in(page: str, form: str) -> str:
    """Return the version that a form of the page was filled with."""
    found = re.search(rf'action="{form}"[^>]*>(?:\s*<input type="hidden"[^>]*>)*?\s*<input type="hidden" name="version" value="(\w+)"', page)  # fmt: skip
    assert found is not None, form
    return found[1]


def test_member_when_two_owners_change_them_from_pages_of_the_same_hour_then_the_second_is_told_and_nothing_done(
    post, browser: httpx.Client, club: Club, onlooker: httpx.Client
) -> None:
    page = browser.get("/settings/members").text
    found = re.search(r"(/settings/members/[0-9a-f-]+)/role", page.split("viewer-")[1])
    assert found is not None
    member = found[1]
    role, remove = (version_in(page, f"{member}/{act}") for act in ("role", "remove"))
    assert post(f"{member}/role", role="clinician", version=role).status_code == 303
    for act, sent in (("role", {"role": "trainer", "version": role}), ("remove", {"version": remove})):
        late = post(f"{member}/{act}", **sent)
        assert late.status_code == 412
        assert "Somebody was faster: the member has changed" in late.text
        assert '<option value="clinician" selected>' in late.text
    assert onlooker.get("/settings/security").status_code == 200
    fresh = version_in(late.text, f"{member}/role")
    assert post(f"{member}/role", role="trainer", version=fresh).status_code == 303


def test_sign_in_rule_when_another_owner_changed_it_meanwhile_then_shown_and_not_overwritten(
    post, browser: httpx.Client
) -> None:
    form = "/settings/sign-in/second-factor"
    before = version_in(browser.get("/settings/sign-in").text, form)
    assert post(form, role="viewer", grace_days="30", version=before).status_code == 303
    late = post(form, role="trainer", grace_days="30", version=before)
    assert (late.status_code, "Somebody was faster" in late.text) == (412, True)
    assert re.findall(r'name="role" value="(\w+)" checked', late.text) == ["viewer"]
    assert post(form, role="trainer", grace_days="30", version=version_in(late.text, form)).status_code == 303


def test_last_owner_when_removed_then_told_what_to_do(post, club: Club) -> None:
    answer = post(f"/settings/members/{club.principal.user_id}/remove")
    assert answer.status_code == 422
    assert "last owner" in answer.text


def test_password_when_changed_then_other_logins_end(
    post, browser: httpx.Client, browser_of: SignIn, club: Club
) -> None:
    other = browser_of(club)
    assert "Sign out everywhere else" in browser.get("/settings/security").text
    wrong = post("/settings/security/password", current="not it at all", new=NEW_PASSWORD)
    assert wrong.status_code == 422
    done = post("/settings/security/password", current=PASSWORD, new=NEW_PASSWORD)
    assert done.headers["location"] == "/settings/security?done=password"
    assert other.get("/settings/security").status_code == 303
    assert browser.get("/settings/security").status_code == 200


def test_key_when_made_rotated_and_ended_then_shown_once(
    post, browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    team = make_team(parts.uow_factory, club)
    made = post("/settings/keys", name="Sync", scope="roster:read", team_id=str(team.id))
    key = code_in(made)
    assert key.startswith("pl_live_")
    listed = browser.get("/settings/keys").text
    assert key not in listed
    found = re.search(r"/settings/keys/([0-9a-f-]+)/rotate", listed)
    assert found is not None
    assert code_in(post(f"/settings/keys/{found[1]}/rotate")) != key
    assert post(f"/settings/keys/{found[1]}/end").headers["location"] == "/settings/keys?done=ended"
    assert "/rotate" not in browser.get("/settings/keys").text
    assert post("/settings/keys", name="No scope").status_code == 422


def test_forms_when_they_come_from_elsewhere_then_403(browser: httpx.Client) -> None:
    for path in ("/settings/keys", "/settings/members/invite", "/settings/security/password"):
        assert browser.post(path, data={}, headers=SAME_ORIGIN).status_code == 403


def test_permissions_when_shown_then_each_is_named_in_words() -> None:
    assert set(SCOPE_LABELS) == {permission.value for permission in Permission}
