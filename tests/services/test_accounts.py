"""Who is asking: logins and keys that hold, and all the ways in which they do not."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from app.domain.access import Permission, Role
from app.domain.errors import (
    ForbiddenError,
    InvalidCredentialsError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
)
from app.services import accounts
from app.services.passwords import Passwords
from tests.factories import PASSWORD, QUICK_PASSWORDS

SCOPES = frozenset({Permission.ROSTER_READ, Permission.RECORDINGS_WRITE})


@pytest.fixture
def sign_in(uow_factory, club):
    def run(email=club.email, password=PASSWORD):
        with uow_factory(None) as uow:
            return accounts.sign_in(uow=uow, email=email, password=password, passwords=QUICK_PASSWORDS)

    return run


@pytest.fixture
def resolve(uow_factory):
    def run(token):
        with uow_factory(None) as uow:
            return accounts.resolve_login(uow=uow, token=token)

    return run


@pytest.fixture
def make_key(uow_factory, club):
    def run(**more):
        with uow_factory(club.id) as uow:
            wanted = {"name": "Sync", "scopes": SCOPES, **more}
            return accounts.create_api_key(uow=uow, principal=club.principal, **wanted)

    return run


@pytest.fixture
def resolve_key(uow_factory):
    def run(key):
        with uow_factory(None) as uow:
            return accounts.resolve_api_key(uow=uow, key=key)

    return run


def test_sign_in_when_the_password_is_right_then_the_login_resolves(sign_in, resolve, club):
    signed_in = sign_in(email=f"  {club.email.upper()} ")
    assert signed_in.principal == club.principal
    assert resolve(signed_in.token) == club.principal
    assert signed_in.token not in repr(signed_in)


def test_sign_in_when_done_then_the_database_holds_no_token(sign_in, engine, club):
    token = sign_in().token
    with engine.begin() as connection:
        stored = connection.scalars(
            text("SELECT token_sha256 FROM login_session WHERE organisation_id = :id"), {"id": club.id}
        ).all()
    assert stored == [hashlib.sha256(token.encode()).digest()]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (None, "not the password"),
        ("nobody@example.org", PASSWORD),
        ("no address", PASSWORD),
        ("a\x00b@example.org", PASSWORD),
        (None, "x" * 5000),
        (None, ""),
    ],
)
def test_sign_in_when_something_is_wrong_then_one_answer_for_all(sign_in, club, email, password):
    with pytest.raises(InvalidCredentialsError) as caught:
        sign_in(email=email or club.email, password=password)
    assert str(caught.value) == "The e-mail address or the password is not right."


def test_sign_in_when_the_user_is_unknown_then_a_password_is_hashed_all_the_same(uow_factory):
    class Counting(Passwords):
        n_hashed = 0

        def verify(self, password, stored):
            self.n_hashed += 1
            return super().verify(password, stored)

    passwords = Counting(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    with pytest.raises(InvalidCredentialsError), uow_factory(None) as uow:
        accounts.sign_in(uow=uow, email="nobody@example.org", password=PASSWORD, passwords=passwords)
    assert passwords.n_hashed == 1


def test_sign_in_when_the_user_is_disabled_then_refused_and_open_logins_end(sign_in, resolve, engine, club):
    token = sign_in().token
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE user_account SET disabled_at = now() WHERE email = :email"), {"email": club.email}
        )
    with pytest.raises(InvalidCredentialsError):
        sign_in()
    with pytest.raises(NotSignedInError):
        resolve(token)


def test_sign_out_when_done_then_the_token_is_worth_nothing(sign_in, resolve, uow_factory):
    token = sign_in().token
    for _ in range(2):
        with uow_factory(None) as uow:
            accounts.sign_out(uow=uow, token=token)
    with pytest.raises(NotSignedInError):
        resolve(token)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE login_session SET last_seen_at = now() - interval '31 minutes' WHERE organisation_id = :id",
        "UPDATE login_session SET expires_at = now() - interval '1 second' WHERE organisation_id = :id",
        "UPDATE login_session SET revoked_at = now() WHERE organisation_id = :id",
    ],
)
def test_login_when_it_is_over_then_not_signed_in(sign_in, resolve, engine, club, change):
    token = sign_in().token
    with engine.begin() as connection:
        connection.execute(text(change), {"id": club.id})
    with pytest.raises(NotSignedInError):
        resolve(token)


def test_login_when_it_is_used_then_it_stays_alive(sign_in, resolve, engine, club):
    token = sign_in().token
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE login_session SET last_seen_at = now() - interval '29 minutes' WHERE organisation_id = :id"
            ),
            {"id": club.id},
        )
    resolve(token)
    with engine.begin() as connection:
        idle = connection.scalar(
            text(
                "SELECT extract(epoch FROM now() - last_seen_at) FROM login_session WHERE organisation_id = :id"
            ),
            {"id": club.id},
        )
    assert idle < 60


def test_login_when_the_membership_ends_then_not_signed_in(sign_in, resolve, engine, club):
    token = sign_in().token
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM membership WHERE organisation_id = :id"), {"id": club.id})
    with pytest.raises(NotSignedInError):
        resolve(token)


@pytest.mark.parametrize("token", ["", "x", "\ud800", "a" * 10_000])
def test_login_when_the_token_is_unknown_then_not_signed_in(resolve, token):
    with pytest.raises(NotSignedInError):
        resolve(token)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "no address"},
        {"email": "a@b"},
        {"password": "short"},
        {"password": "x" * 129},
        {"password": "aaaaaaaaaaaaaaa"},
        {"display_name": "  "},
        {"display_name": "a\x00b"},
    ],
)
def test_user_when_a_value_is_bad_then_said_which(uow_factory, club, change):
    good = {"email": "new@example.org", "password": PASSWORD, "display_name": "New"}
    with pytest.raises(InvalidInputError) as caught, uow_factory(None) as uow:
        accounts.create_user(
            uow=uow, organisation_id=club.id, role=Role.TRAINER, passwords=QUICK_PASSWORDS, **(good | change)
        )
    assert caught.value.context["field"] == next(iter(change))


def test_user_when_the_address_is_taken_then_said_so(uow_factory, club, rival):
    with pytest.raises(InvalidInputError, match="already a user"), uow_factory(None) as uow:
        accounts.create_user(
            uow=uow,
            organisation_id=rival.id,
            email=club.email.upper(),
            display_name="Twin",
            password=PASSWORD,
            role=Role.TRAINER,
            passwords=QUICK_PASSWORDS,
        )


def test_key_when_it_holds_then_it_may_do_what_its_scopes_say(make_key, resolve_key, club):
    new = make_key()
    assert new.key.startswith(f"{new.summary.prefix}_")
    assert new.key not in repr(new)
    principal = resolve_key(new.key)
    assert (principal.organisation_id, principal.role, principal.api_key_id) == (
        club.id,
        Role.INTEGRATION,
        new.summary.id,
    )
    assert {permission for permission in Permission if principal.may(permission)} == SCOPES


def test_key_when_it_is_used_then_the_list_says_when(make_key, resolve_key, uow_factory, club):
    resolve_key(make_key().key)
    with uow_factory(club.id) as uow:
        (listed,) = accounts.list_api_keys(uow=uow, principal=club.principal).items
    assert listed.last_used_at is not None


@pytest.mark.parametrize(
    "spoil",
    [str.upper, lambda key: key[:-1], lambda key: f"{key[:-2]}__", lambda key: "", lambda key: "pl_live_x"],
)
def test_key_when_it_is_not_quite_right_then_refused(make_key, resolve_key, spoil):
    with pytest.raises(InvalidCredentialsError):
        resolve_key(spoil(make_key().key))


def test_key_when_revoked_then_refused_at_once(make_key, resolve_key, uow_factory, club, rival):
    new = make_key()
    with pytest.raises(NotFoundError), uow_factory(rival.id) as uow:
        accounts.revoke_api_key(uow=uow, principal=rival.principal, api_key_id=new.summary.id)
    resolve_key(new.key)
    with uow_factory(club.id) as uow:
        accounts.revoke_api_key(uow=uow, principal=club.principal, api_key_id=new.summary.id)
    with pytest.raises(InvalidCredentialsError):
        resolve_key(new.key)


def test_key_when_past_its_end_then_refused(make_key, resolve_key, engine, club):
    new = make_key(expires_at=datetime.now(UTC) + timedelta(hours=1))
    resolve_key(new.key)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE api_key SET expires_at = now() - interval '1 second' WHERE id = :id"),
            {"id": new.summary.id},
        )
    with pytest.raises(InvalidCredentialsError):
        resolve_key(new.key)


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": frozenset()},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"expires_at": datetime(2100, 1, 1)},  # noqa: DTZ001  no zone is the point
        {"name": ""},
    ],
)
def test_key_when_a_value_is_bad_then_said_which(make_key, change):
    with pytest.raises(InvalidInputError) as caught:
        make_key(**change)
    assert caught.value.context["field"] == next(iter(change))


def test_key_when_asked_for_by_anybody_but_an_owner_then_forbidden(uow_factory, club):
    for role in (Role.TRAINER, Role.VIEWER, Role.INTEGRATION):
        with pytest.raises(ForbiddenError), uow_factory(club.id) as uow:
            accounts.create_api_key(uow=uow, principal=club.as_role(role), name="Sync", scopes=SCOPES)


def test_key_when_the_maker_lacks_a_scope_then_refused(uow_factory, club):
    less = replace(club.principal, scopes=frozenset({Permission.ROSTER_READ, Permission.KEYS_MANAGE}))
    with pytest.raises(InvalidInputError), uow_factory(club.id) as uow:
        accounts.create_api_key(uow=uow, principal=less, name="Sync", scopes=SCOPES)


def test_keys_when_paged_then_each_once(make_key, uow_factory, club, rival):
    made = [make_key(name=f"Key {number}").summary.id for number in range(5)]
    found, cursor = [], None
    while True:
        with uow_factory(club.id) as uow:
            page = accounts.list_api_keys(uow=uow, principal=club.principal, cursor=cursor, limit=2)
        found += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == made[::-1]
    with uow_factory(rival.id) as uow:
        assert accounts.list_api_keys(uow=uow, principal=rival.principal).items == ()
