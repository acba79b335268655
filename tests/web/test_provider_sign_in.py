"""Signing in by a club's own identity provider, against one that really speaks OpenID Connect: the way there and back,
who is let in, every lie it could tell, and what such a login may do."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from app.domain.access import Role, SignInMethod
from app.http.rate_limits import Rate, RateLimiter
from app.integrations.oidc import ProviderError
from app.integrations.provider_fetch import ProviderFetch
from app.main import create_app
from app.services import accounts, members
from app.services.members import Place
from tests.chromium import require_chromium
from tests.factories import PASSWORD, QUICK_PASSWORDS, Club
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, identity_provider
from tests.support.processes import free_port
from tests.web.conftest import SignIn, WebParts, open_browser, token_in, token_of
from tests.web.preview import chromium, serve


class Patient(RateLimiter):
    """Counts nothing: these tests come from one address."""

    def hit(self, rate: Rate, subject: str) -> None:
        """Let it pass."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity_provider() as found:
        yield found


@pytest.fixture(autouse=True)
def _honest(provider: Provider) -> None:
    provider.be_honest()


@pytest.fixture(scope="module")
def parts(parts: WebParts) -> WebParts:
    port = free_port()
    settings = parts.settings.model_copy(
        update={"public_url": f"http://localhost:{port}", "port": port, "provider_private_targets": True}
    )
    return replace(parts, settings=settings, rate_limiter=Patient(None))


@pytest.fixture(scope="module")
def address(parts: WebParts) -> Iterator[str]:
    with serve(create_app(parts), port=parts.settings.port):
        yield parts.settings.base_url


@pytest.fixture
def domain(club: Club) -> str:
    """A domain of addresses that no other test has."""
    return f"{club.id.hex}.example.org"


@pytest.fixture
def set_up(browser: httpx.Client, parts: WebParts, provider: Provider, domain: str, club: Club):
    """Sets the provider up for the club, as its owner does."""

    def run(**changes: str) -> httpx.Response:
        form = {
            "csrf_token": token_of(browser, parts), "name": "Harbour account", "issuer": provider.issuer,
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "domains": f"{domain}\nelsewhere.example",
            "default_role": "", "is_enabled": "true",
        }  # fmt: skip
        provider.person = {
            "sub": f"s-{club.id.hex}",
            "email": f"sam@{domain}",
            "email_verified": True,
            "name": "Sam",
        }
        return browser.post("/settings/sign-in/provider", data=form | changes)

    return run


@pytest.fixture
def member(parts: WebParts, club: Club, domain: str) -> UUID:
    """A trainer whose address the provider may vouch for."""
    with parts.uow_factory(None) as uow:
        return accounts.create_user(
            uow=uow, organisation_id=club.id, email=f"sam@{domain}", display_name="Sam", password=PASSWORD,
            role=Role.TRAINER, passwords=QUICK_PASSWORDS,
        ).id  # fmt: skip


def go(visitor: httpx.Client, email: str, next_path: str = "/recordings/new") -> str:
    """Find the provider by an address; return where it is."""
    page = visitor.get("/sign-in/provider", params={"next": next_path})
    form = {"csrf_token": token_in(page), "email": email, "next": next_path}
    leaving = visitor.post("/sign-in/provider", data=form)
    assert leaving.status_code == 200, leaving.text
    return leaving.headers["refresh"].removeprefix("0; url=")


def come_back(visitor: httpx.Client, url: str) -> httpx.Response:
    """Sign in there, and come back."""
    back = urlsplit(httpx.get(url).headers["location"])
    return visitor.get(f"{back.path}?{back.query}")


def whole_way(visitor: httpx.Client, email: str) -> httpx.Response:
    return come_back(visitor, go(visitor, email))


def test_member_when_the_provider_vouches_then_signed_in_and_linked_for_good(
    set_up, visitor: httpx.Client, member: UUID, provider: Provider, parts: WebParts, club: Club, domain: str
) -> None:
    assert set_up().headers["location"] == "/settings/sign-in?done=provider"
    url = go(visitor, f"SAM@{domain}")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (asked["response_type"], asked["code_challenge_method"], asked["login_hint"]) == (
        "code", "S256", f"SAM@{domain}",
    )  # fmt: skip
    assert {len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge")} == {True}
    assert asked["redirect_uri"] == f"{parts.settings.base_url}/sign-in/provider/callback"
    done = come_back(visitor, url)
    assert (done.status_code, done.headers["location"]) == (303, "/recordings/new")
    assert visitor.get("/recordings/new").status_code == 200
    token = visitor.cookies["plumbline"]
    with parts.uow_factory(None) as uow:
        principal = accounts.resolve_login(uow=uow, token=token)
    assert (principal.user_id, principal.organisation_id, principal.method) == (
        member, club.id, SignInMethod.PROVIDER,
    )  # fmt: skip
    # what the provider calls somebody counts from now on, not the address
    provider.person |= {"email": "renamed@other.example", "email_verified": False}
    assert whole_way(visitor, f"sam@{domain}").status_code == 303
    with parts.uow_factory(club.id) as uow:
        acts = uow.audit.list_newest(organisation_id=club.id, before=None, act=None, object_id=None, limit=20)
    assert sum(act.act == "identity_provider.linked" for act in acts) == 1
    assert CLIENT_SECRET not in str([act.detail for act in acts])


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ({"email_verified": False}, "does not vouch"),
        ({"email_verified": None}, "does not vouch"),
        ({"email": None}, "does not vouch"),
        ({"email": "sam@stranger.example"}, "not of a domain"),
        ({"email": "nobody@elsewhere.example"}, "not a member"),
    ],
)
def test_person_when_not_vouched_for_or_not_a_member_then_not_let_in(
    set_up,
    visitor: httpx.Client,
    member: UUID,
    provider: Provider,
    domain: str,
    person: dict[str, Any],
    said: str,
) -> None:
    set_up()
    provider.person |= person
    refused = whole_way(visitor, f"sam@{domain}")
    assert (refused.status_code, said in refused.text) == (403, True)
    assert "plumbline" not in visitor.cookies


def test_person_when_a_member_of_another_organisation_alone_then_not_let_in(
    set_up, visitor: httpx.Client, parts: WebParts, rival: Club, provider: Provider, domain: str
) -> None:
    """Naming somebody's address must not be enough to become them."""
    set_up(default_role="viewer")
    with parts.uow_factory(None) as uow:
        accounts.create_user(
            uow=uow, organisation_id=rival.id, email=f"sam@{domain}", display_name="Sam", password=PASSWORD,
            role=Role.OWNER, passwords=QUICK_PASSWORDS,
        )  # fmt: skip
    assert whole_way(visitor, f"sam@{domain}").status_code == 403


def test_newcomer_when_invited_then_let_in_as_invited_and_when_roles_are_given_as_that(
    set_up, visitor: httpx.Client, parts: WebParts, club: Club, provider: Provider, domain: str
) -> None:
    set_up()
    owner = club.principal
    with parts.uow_factory(owner) as uow:
        members.invite(uow=uow, principal=owner, email=f"sam@{domain}", place=Place(role=Role.CLINICIAN))
    assert whole_way(visitor, f"sam@{domain}").status_code == 303
    set_up(default_role="viewer")
    provider.person |= {"sub": "another", "email": f"pat@{domain}", "name": "Pat"}
    assert whole_way(visitor, f"pat@{domain}").status_code == 303
    with parts.uow_factory(owner) as uow:
        found = {each.email: each for each in members.list_members(uow=uow, principal=owner).items}
        assert not members.list_invitations(uow=uow, principal=owner).items
    assert (found[f"sam@{domain}"].role, found[f"pat@{domain}"].role) == (Role.CLINICIAN, Role.VIEWER)
    assert found[f"pat@{domain}"].display_name == "Pat"
    # who was removed stays out until invited again
    with parts.uow_factory(owner) as uow:
        members.remove_member(uow=uow, principal=owner, user_id=found[f"pat@{domain}"].user_id)
    assert whole_way(visitor, f"pat@{domain}").status_code == 403
    with parts.uow_factory(owner) as uow:
        members.invite(uow=uow, principal=owner, email=f"pat@{domain}", place=Place(role=Role.TRAINER))
    assert whole_way(visitor, f"pat@{domain}").status_code == 303


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"lies": {"iss": "https://evil.example"}},
    "another audience": {"lies": {"aud": "somebody else"}},
    "several audiences and another party": {"lies": {"aud": [CLIENT_ID, "other"], "azp": "other"}},
    "several audiences and no party": {"lies": {"aud": [CLIENT_ID, "other"]}},
    "another party": {"lies": {"azp": "other"}},
    "another nonce": {"lies": {"nonce": "x"}},
    "no nonce": {"lies": {"nonce": None}},
    "expired": {"lies": {"exp": 1_700_000_000}},
    "no end": {"lies": {"exp": None}},
    "from the future": {"lies": {"iat": 4_000_000_000}},
    "nobody": {"lies": {"sub": ""}},
    "no subject": {"lies": {"sub": None}},
    "a number for a subject": {"lies": {"sub": 7}},
    "no signature": {"algorithm": "none"},
    "a signature by the shared secret": {"algorithm": "HS256"},
    "another key": {"signs_with_another_key": True},
}


@pytest.mark.parametrize("name", sorted(LIES))
def test_token_when_the_provider_lies_then_nobody_is_let_in(
    set_up, visitor: httpx.Client, member: UUID, provider: Provider, domain: str, name: str
) -> None:
    set_up()
    for what, value in LIES[name].items():
        setattr(provider, what, value)
    refused = whole_way(visitor, f"sam@{domain}")
    assert (refused.status_code, "identity provider could not be used" in refused.text) == (502, True)
    assert "plumbline" not in visitor.cookies
    assert provider.n_tokens > 0


def test_way_back_when_state_browser_issuer_or_code_is_another_then_refused(
    set_up, visitor: httpx.Client, member: UUID, provider: Provider, address: str, domain: str
) -> None:
    set_up()
    callback = "/sign-in/provider/callback"

    def back(**changes: str | None) -> dict[str, str]:
        answer = httpx.get(go(visitor, f"sam@{domain}")).headers["location"]
        query = {name: values[0] for name, values in parse_qs(urlsplit(answer).query).items()}
        return {name: value for name, value in {**query, **changes}.items() if value is not None}

    assert visitor.get(callback, params=back(state="x" * 64)).status_code == 401
    assert visitor.get(callback, params=back(iss="https://evil.example")).status_code == 401
    assert visitor.get(callback, params=back(iss=None)).status_code == 401
    assert visitor.get(callback, params=back(code="x")).status_code == 502
    assert visitor.get(callback, params={"error": "access_denied", "state": "x"}).status_code == 502
    with open_browser(address) as other:
        assert other.get(callback, params=back()).status_code == 401
    query = back()
    assert visitor.get(callback, params=query).status_code == 303
    assert visitor.get(callback, params=query).status_code == 401


def test_address_when_told_by_userinfo_alone_then_taken_from_there(
    set_up, visitor: httpx.Client, member: UUID, provider: Provider, domain: str
) -> None:
    set_up()
    provider.hides_email = True
    assert whole_way(visitor, f"sam@{domain}").status_code == 303


def test_login_when_by_a_provider_then_opens_no_other_organisation_and_changes_no_security(
    set_up, visitor: httpx.Client, member: UUID, parts: WebParts, rival: Club, club: Club, domain: str
) -> None:
    set_up()
    whole_way(visitor, f"sam@{domain}")
    form = {"csrf_token": token_of(visitor, parts)}
    assert (
        visitor.post("/settings/second-factor/prepare", data=form).status_code == 200
    )  # its only organisation
    with parts.uow_factory(None) as uow:
        uow.accounts.add_membership(organisation_id=rival.id, user_id=member, role=Role.OWNER)
    assert visitor.post(f"/organisations/{rival.id}/enter", data=form).status_code == 403
    whole_way(visitor, f"sam@{domain}")
    form = {"csrf_token": token_of(visitor, parts)}
    held_up = visitor.post("/settings/second-factor/prepare", data=form)
    assert (held_up.status_code, held_up.headers["location"].partition("?")[0]) == (303, "/confirm")


def test_confirmation_when_in_one_organisation_alone_then_by_the_provider_again(
    set_up, visitor: httpx.Client, member: UUID, parts: WebParts, provider: Provider, club: Club, domain: str
) -> None:
    set_up()
    whole_way(visitor, f"sam@{domain}")
    before = visitor.cookies["plumbline"]
    with parts.uow_factory(None) as uow:
        uow._session.execute(
            text("UPDATE login_session SET confirmed_at = NULL WHERE user_id = :id"), {"id": member}
        )
    page = visitor.get("/confirm?next=/settings/security")
    assert "Sign in again with your organisation" in page.text
    form = {
        "csrf_token": token_in(page), "organisation_id": str(club.id), "again": "true", "next": "/settings/security",
    }  # fmt: skip
    leaving = visitor.post("/sign-in/provider/start", data=form)
    done = come_back(visitor, leaving.headers["refresh"].removeprefix("0; url="))
    assert provider.asked[-1]["prompt"] == "login"
    assert done.headers["location"] == "/settings/security"
    form = {"csrf_token": token_of(visitor, parts)}
    assert visitor.post("/settings/second-factor/prepare", data=form).status_code == 200
    visitor.cookies.clear()
    visitor.cookies.set("plumbline", before)
    assert visitor.get("/").headers["location"] == "/sign-in"


def test_provider_when_turned_off_or_removed_then_its_logins_end_and_nobody_comes_in(
    set_up,
    browser: httpx.Client,
    visitor: httpx.Client,
    member: UUID,
    parts: WebParts,
    club: Club,
    domain: str,
) -> None:
    set_up()
    url = go(visitor, f"sam@{domain}")
    whole_way(visitor, f"sam@{domain}")
    set_up(is_enabled="", client_secret="")
    assert visitor.get("/").headers["location"] == "/sign-in"
    assert come_back(visitor, url).status_code == 401
    form = {"csrf_token": token_in(visitor.get("/sign-in/provider")), "email": f"sam@{domain}"}
    assert "No organisation signs in" in visitor.post("/sign-in/provider", data=form).text
    set_up(client_secret="")  # the one before stays
    assert whole_way(visitor, f"sam@{domain}").status_code == 303
    page = browser.get("/settings/sign-in").text
    assert CLIENT_SECRET not in page
    assert f"/sign-in/provider?club={club.id}" in page
    late = {"csrf_token": token_of(browser, parts), "version": "0" * 24}
    assert set_up(name="Another", version=late["version"]).status_code == 412
    refused = browser.post("/settings/sign-in/provider/remove", data=late)
    assert (refused.status_code, "Somebody was faster" in refused.text) == (412, True)
    assert 'value="Harbour account"' in refused.text
    version = re.search(r'name="version" value="(\w+)"', refused.text.split("sign-in/provider/remove")[1])
    assert version is not None
    done = browser.post("/settings/sign-in/provider/remove", data=late | {"version": version[1]})
    assert done.headers["location"] == "/settings/sign-in?done=provider_gone"
    assert visitor.get("/").headers["location"] == "/sign-in"
    assert visitor.get(f"/sign-in/provider?club={club.id}").status_code == 404


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"issuer": "http://127.0.0.1:1"}, "did not answer"),
        ({"issuer": "ftp://login.example.org"}, "begins with https"),
        ({"domains": "not a domain!"}, "domains of e-mail addresses"),
        ({"domains": ""}, "domains of e-mail addresses"),
        ({"name": ""}, "name is empty"),
    ],
)
def test_set_up_when_a_value_is_wrong_then_said_so_and_the_rest_is_kept(
    set_up, entered: dict[str, str], said: str
) -> None:
    refused = set_up(**entered)
    assert (refused.status_code, said in refused.text) == (422, True)
    assert f'value="{CLIENT_ID}"' in refused.text
    assert CLIENT_SECRET not in refused.text


@pytest.mark.parametrize(
    "metadata", [{"issuer": "https://evil.example"}, {"token_endpoint": "file:///etc/passwd"}]
)
def test_set_up_when_the_provider_calls_itself_something_else_then_refused(
    set_up, provider: Provider, metadata: dict[str, str]
) -> None:
    provider.metadata = metadata
    assert set_up().status_code == 422


def test_secret_when_stored_then_sealed(set_up, parts: WebParts, club: Club) -> None:
    set_up()
    with parts.uow_factory(club.id) as uow:
        row = uow.providers.find(club.id)
    assert row is not None
    assert CLIENT_SECRET.encode() not in (row.secret_sealed or b"")


def test_set_up_when_not_an_owner_then_403(onlooker: httpx.Client, parts: WebParts) -> None:
    form = {"csrf_token": token_of(onlooker, parts)}
    for path in ("/settings/sign-in/provider", "/settings/sign-in/provider/remove"):
        assert onlooker.post(path, data=form).status_code == 403


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x"]
)
def test_fetch_when_the_address_is_private_then_not_asked(url: str) -> None:
    with pytest.raises(ProviderError, match=r"public internet|https"):
        ProviderFetch(user_agent="test")(url, headers={})


def test_fetch_when_a_name_leads_inside_then_not_asked() -> None:
    inside = ProviderFetch(user_agent="test", resolve=lambda _host, _port: ["93.184.216.34", "10.0.0.8"])
    with pytest.raises(ProviderError, match="public internet"):
        inside("https://login.example.org/x", headers={})


@pytest.mark.browser
def test_whole_way_in_chromium_when_forms_may_lead_nowhere_else_then_it_still_goes_there_and_back(
    set_up, member: UUID, address: str, domain: str, browser_of: SignIn
) -> None:
    set_up()
    with chromium(require_chromium()) as started:
        page = started.new_context(base_url=address).new_page()
        page.goto("/sign-in")
        page.get_by_role("link", name="Sign in with your organisation").click()
        page.get_by_label("E-mail address").fill(f"sam@{domain}")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
