"""An organisation's own identity provider over REST: what the page does, with versions, and never its secret."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.domain.access import Principal, Role
from app.http.identity import login_cookie_name
from app.http.post import seal_from
from app.main import create_app
from tests.api.conftest import Club
from tests.api.support import PartsForTests, serving
from tests.api.test_errors import check_problem
from tests.api.test_matrix import sign_in
from tests.api.things import make_member
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, identity_provider

HERE = "/api/v1/identity-provider"
Open = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity_provider() as found:
        yield found


@pytest.fixture(scope="module")
def parts(parts: PartsForTests) -> PartsForTests:
    """May ask an identity provider on loopback."""
    return replace(parts, settings=parts.settings.model_copy(update={"provider_private_targets": True}))


@pytest.fixture(scope="module")
def open_as(address: str, parts: PartsForTests) -> Iterator[Open]:
    """Opens browsers of somebody who is signed in."""
    with ExitStack() as stack:

        def run(principal: Principal, *, at: str = address) -> httpx.Client:
            cookies = {login_cookie_name(parts.settings): sign_in(parts, principal)}
            return stack.enter_context(
                httpx.Client(base_url=at, cookies=cookies, headers={"Origin": at}, timeout=30)
            )

        yield run


@pytest.fixture
def mine(make_club: Callable[[], Club]) -> Club:
    """An organisation that no other test has."""
    return make_club()


@pytest.fixture
def owner_of_mine(mine: Club, parts: PartsForTests) -> Principal:
    return make_member(parts, mine, Role.OWNER)


@pytest.fixture
def owner(owner_of_mine: Principal, open_as: Open) -> httpx.Client:
    return open_as(owner_of_mine)


@pytest.fixture
def entered(provider: Provider) -> dict[str, Any]:
    return {
        "name": "Harbour account",
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "email_domains": ["Example.org", "@example.org"],
    }


def test_provider_when_set_then_read_without_its_secret_and_changed_without_losing_it(
    owner: httpx.Client, mine: Club, parts: PartsForTests, entered: dict[str, Any]
) -> None:
    check_problem(owner.get(HERE), code="not_found")
    made = owner.put(HERE, json=entered)
    assert made.status_code == 200, made.text
    expected = {
        "name": "Harbour account",
        "issuer": entered["issuer"],
        "client_id": CLIENT_ID,
        "has_secret": True,
        "email_domains": ["example.org"],
        "default_role": None,
        "is_enabled": True,
        "redirect_uri": f"{parts.settings.base_url}/sign-in/provider/callback",
        "start_url": f"{parts.settings.base_url}/sign-in/provider?club={mine.organisation_id}",
    }
    assert made.json() == owner.get(HERE).json() == expected
    assert made.headers["ETag"] == owner.get(HERE).headers["ETag"]
    without = {name: value for name, value in entered.items() if name != "client_secret"}
    for more in ({}, {"client_secret": None}):
        changed = owner.put(HERE, json={**without, "default_role": "viewer", **more})
        assert changed.json() == {**expected, "default_role": "viewer"}
    assert secret_kept(parts, mine) == CLIENT_SECRET
    renewed = owner.put(HERE, json={**entered, "default_role": "viewer", "client_secret": "another"})
    assert renewed.headers["ETag"] != changed.headers["ETag"]
    assert secret_kept(parts, mine) == "another"
    with parts.uow_factory(mine.organisation_id) as uow:
        acts = uow.audit.list_newest(
            organisation_id=mine.organisation_id, before=None, act=None, object_id=None, limit=20
        )
    assert [act.act for act in acts].count("identity_provider.changed") == 4
    assert CLIENT_SECRET not in str([act.detail for act in acts])


def test_provider_when_changed_or_removed_from_a_stale_version_then_412_and_nothing_is_done(
    owner: httpx.Client, entered: dict[str, Any]
) -> None:
    check_problem(owner.put(HERE, json=entered, headers={"If-Match": '"x"'}), code="precondition_failed")
    assert owner.get(HERE).status_code == 404
    stale = {"If-Match": owner.put(HERE, json=entered).headers["ETag"]}
    present = owner.put(HERE, json={**entered, "name": "New name"}, headers=stale)
    assert present.status_code == 200
    check_problem(owner.put(HERE, json=entered, headers=stale), code="precondition_failed")
    check_problem(owner.delete(HERE, headers=stale), code="precondition_failed")
    assert owner.get(HERE).json()["name"] == "New name"
    tag = present.headers["ETag"]

    def rename(number: int) -> int:
        body = {**entered, "name": f"Name {number}"}
        return owner.put(HERE, json=body, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(rename, range(4))) == [200, 412, 412, 412]


def test_provider_when_removed_then_gone_and_there_is_nothing_more_to_remove(
    owner: httpx.Client, entered: dict[str, Any]
) -> None:
    tag = owner.put(HERE, json=entered).headers["ETag"]
    assert owner.delete(HERE, headers={"If-Match": tag}).status_code == 204
    check_problem(owner.get(HERE), code="not_found")
    check_problem(owner.delete(HERE), code="not_found")


def test_provider_when_of_another_organisation_then_neither_seen_nor_touched(
    owner: httpx.Client, club: Club, parts: PartsForTests, open_as: Open, entered: dict[str, Any]
) -> None:
    owner.put(HERE, json=entered)
    stranger = open_as(make_member(parts, club, Role.OWNER))
    check_problem(stranger.get(HERE), code="not_found")
    check_problem(stranger.delete(HERE), code="not_found")
    stranger.put(HERE, json={**entered, "name": "Theirs"})
    assert owner.get(HERE).json()["name"] == "Harbour account"


def test_provider_when_asked_by_a_trainer_or_a_key_then_403(
    mine: Club, parts: PartsForTests, open_as: Open, entered: dict[str, Any]
) -> None:
    for asker in (open_as(make_member(parts, mine, Role.TRAINER)), mine.client):
        for answer in (asker.get(HERE), asker.put(HERE, json=entered), asker.delete(HERE)):
            check_problem(answer, code="forbidden")


def test_change_when_signed_in_for_a_while_then_who_it_is_has_to_be_proved_again(
    owner: httpx.Client, owner_of_mine: Principal, parts: PartsForTests, entered: dict[str, Any]
) -> None:
    with parts.uow_factory(None) as uow:
        uow._session.execute(
            text("UPDATE login_session SET confirmed_at = NULL WHERE user_id = :id"),
            {"id": owner_of_mine.user_id},
        )
    for answer in (owner.put(HERE, json=entered), owner.delete(HERE)):
        check_problem(answer, code="confirmation_needed")
    assert owner.get(HERE).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"issuer": "ftp://login.example.org"}, "issuer"),
        ({"issuer": "http://127.0.0.1:1"}, "issuer"),
        ({"email_domains": ["not a domain!"]}, "email_domains"),
        ({"default_role": "owner"}, "default_role"),
        ({"client_secret": " "}, "client_secret"),
    ],
)
def test_change_when_a_value_is_wrong_then_422_names_it_and_never_tells_the_secret(
    owner: httpx.Client, entered: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    refused = owner.put(HERE, json={**entered, **change})
    check_problem(refused, code="invalid_input")
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert CLIENT_SECRET not in refused.text
    assert owner.get(HERE).status_code == 404


def test_change_when_the_provider_is_not_on_the_public_internet_or_not_by_https_then_refused(
    parts: PartsForTests,
    owner_of_mine: Principal,
    open_as: Open,
    provider: Provider,
    entered: dict[str, Any],
) -> None:
    settings = parts.settings.model_copy(update={"provider_private_targets": False})
    with serving(create_app(replace(parts, settings=settings))) as at:
        owner = open_as(owner_of_mine, at=at)
        for issuer, said in (
            (provider.issuer, "https"),
            ("https://127.0.0.1", "public internet"),
            ("https://10.0.0.8", "public internet"),
            ("https://[::1]", "public internet"),
        ):
            refused = owner.put(HERE, json={**entered, "issuer": issuer})
            check_problem(refused, code="invalid_input")
            assert said in refused.json()["message"], refused.text
        assert owner.get(HERE).status_code == 404


def secret_kept(parts: PartsForTests, club: Club) -> str:
    with parts.uow_factory(club.organisation_id) as uow:
        row = uow.providers.find(club.organisation_id)
        assert row is not None
        assert row.secret_sealed is not None
        assert CLIENT_SECRET.encode() not in row.secret_sealed
        return seal_from(parts.settings).open(
            row.secret_sealed, purpose="provider_secret", owner=club.organisation_id
        )


def test_provider_when_the_issuer_changes_without_its_secret_then_the_kept_one_is_not_sent_there(
    owner: httpx.Client, mine: Club, parts: PartsForTests, entered: dict[str, Any]
) -> None:
    assert owner.put(HERE, json=entered).status_code == 200
    with identity_provider() as other:
        moved = {**entered, "issuer": other.issuer, "client_secret": None}
        refused = owner.put(HERE, json=moved)
        check_problem(refused, code="invalid_input")
        assert refused.json()["errors"][0]["field"] == "client_secret"
        assert owner.get(HERE).json()["issuer"] == entered["issuer"]
        assert owner.put(HERE, json={**moved, "client_secret": "theirs"}).status_code == 200
    assert secret_kept(parts, mine) == "theirs"
