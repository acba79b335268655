"""OAuth2 client credentials: by Basic or form, opaque, short-lived, ended with the key."""

import httpx
import pytest
from sqlalchemy import Engine, text

from app.domain.access import Permission
from app.services import accounts
from tests.api.conftest import Club, client_with_key, make_key
from tests.api.support import PartsForTests

URL = "/oauth/token"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def client_of(parts: PartsForTests, club: Club) -> tuple[str, str]:
    """The two halves of a key that may read the roster and results."""
    scopes = frozenset({Permission.ROSTER_READ, Permission.RESULTS_READ})
    key = make_key(parts, club.principal, scopes=scopes)
    prefix, public_id, secret = key[:8], key[8:24], key[25:]
    return f"{prefix}{public_id}", secret


def ask(anonymous: httpx.Client, client: tuple[str, str], **more: str) -> httpx.Response:
    return anonymous.post(URL, data=GRANT | more, auth=client)


def test_token_when_asked_for_by_basic_or_form_then_it_opens_what_its_scopes_say(
    anonymous: httpx.Client, address: str, client_of: tuple[str, str]
) -> None:
    by_form = GRANT | {"client_id": client_of[0], "client_secret": client_of[1]}
    for answer in (ask(anonymous, client_of), anonymous.post(URL, data=by_form)):
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        document = answer.json()
        assert (document["token_type"], document["scope"]) == ("Bearer", "results:read roster:read")
        assert 15 * 60 <= document["expires_in"] <= 60 * 60
        with client_with_key(address, document["access_token"]) as client:
            assert client.get("/api/v1/teams").status_code == 200
            assert client.post("/api/v1/teams", json={"name": "No"}).status_code == 403


def test_token_when_less_is_asked_for_then_it_may_less_and_never_more(
    anonymous: httpx.Client, address: str, client_of: tuple[str, str]
) -> None:
    token = ask(anonymous, client_of, scope="roster:read").json()["access_token"]
    with client_with_key(address, token) as client:
        assert client.get("/api/v1/teams").status_code == 200
        assert client.get("/api/v1/recordings").status_code == 403
    more = ask(anonymous, client_of, scope="roster:read videos:read")
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        (GRANT, 401, "invalid_client"),
        (GRANT | {"client_id": "pl_live_0123456789abcdef", "client_secret": "x" * 43}, 401, "invalid_client"),
    ],
)
def test_token_when_the_request_is_wrong_then_said_as_the_standard_says_it(
    anonymous: httpx.Client, form: dict[str, str], status: int, error: str
) -> None:
    answer = anonymous.post(URL, data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (status == 401) == ("WWW-Authenticate" in answer.headers)


def test_token_when_its_key_is_revoked_or_its_time_is_over_then_worth_nothing(
    anonymous: httpx.Client,
    address: str,
    club: Club,
    parts: PartsForTests,
    client_of: tuple[str, str],
    engine: Engine,
) -> None:
    first, second = (ask(anonymous, client_of).json()["access_token"] for _ in range(2))
    with client_with_key(address, first) as client, client_with_key(address, second) as other:
        assert client.get("/api/v1/teams").status_code == 200
        with engine.begin() as connection:
            connection.execute(
                text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.organisation_id)}
            )
            ended = connection.execute(
                text("DELETE FROM access_token WHERE token_sha256 = sha256(CAST(:token AS bytea))"),
                {"token": first.encode()},
            )
            assert ended.rowcount == 1
        assert client.get("/api/v1/teams").status_code == 401
        assert other.get("/api/v1/teams").status_code == 200
        with parts.uow_factory(club.principal) as uow:
            keys = accounts.list_api_keys(uow=uow, principal=club.principal).items
            accounts.revoke_api_key(uow=uow, principal=club.principal, api_key_id=keys[0].id)
        assert other.get("/api/v1/teams").status_code == 401
    assert ask(anonymous, client_of).status_code == 401
