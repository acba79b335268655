"""A second factor: set up, asked for, never twice the same code; recovery codes; what an organisation asks for."""

import threading

import pyotp
import pytest
from sqlalchemy import text

from app.domain.access import PERMISSIONS, Role
from app.domain.errors import (
    ConfirmationNeededError,
    ForbiddenError,
    InvalidCredentialsError,
    InvalidInputError,
    NotFoundError,
    SecondFactorNeededError,
    StaleStateError,
)
from app.domain.sign_in import SecondFactorRule
from app.jobs.names import SEND_MAIL
from app.services import accounts, logins, members, second_factor, sign_in_rules
from app.services.members import Place
from app.services.outbox import Post
from app.services.read_models import SecondStep, SignedIn
from app.services.sealing import Seal
from tests.factories import PASSWORD, QUICK_PASSWORDS

SEAL = Seal("a secret that only this test knows")
POST = Post(base_url="https://screen.example.org", seal=SEAL)
NOW_S = 1_900_000_000.0
"""Steps of a test lie around this time, so that none waits half a minute."""


@pytest.fixture
def sign_in(uow_factory, club):
    def run(email=None):
        with uow_factory(None) as uow:
            return accounts.sign_in(
                uow=uow, email=email or club.email, password=PASSWORD, passwords=QUICK_PASSWORDS
            )

    return run


@pytest.fixture
def who(uow_factory):
    """Says who holds a login, as the service finds it out for each request."""

    def run(signed_in):
        with uow_factory(None) as uow:
            return accounts.resolve_login(uow=uow, token=signed_in.token)

    return run


@pytest.fixture
def finish(uow_factory):
    def run(step, code, at_s=NOW_S):
        with uow_factory(None) as uow:
            return second_factor.finish_sign_in(uow=uow, token=step.token, code=code, seal=SEAL, at_s=at_s)

    return run


@pytest.fixture
def app(uow_factory, sign_in, who):
    """Sets an authenticator app up; returns its secret and the recovery codes."""

    def run(signed_in=None, post=None):
        principal = who(signed_in or sign_in())
        with uow_factory(None) as uow:
            setup = second_factor.prepare_app(uow=uow, principal=principal, seal=SEAL)
        with uow_factory(None) as uow:
            codes = second_factor.start_app(
                uow=uow, principal=principal, code=code_at(setup.secret, NOW_S - 600), seal=SEAL, post=post,
                at_s=NOW_S - 600,
            )  # fmt: skip
        return setup.secret, codes

    return run


def code_at(secret, at_s):
    return pyotp.TOTP(secret).at(int(at_s))


def age_confirmation(uow_factory, signed_in):
    with uow_factory(None) as uow:
        uow._session.execute(
            text("UPDATE login_session SET confirmed_at = now() - interval '16 minutes' WHERE id = :id"),
            {"id": signed_in.session_id},
        )


def test_app_when_set_up_then_asked_for_and_other_logins_end(
    app, sign_in, who, finish, uow_factory, club
) -> None:
    mine, other = sign_in(), sign_in()
    secret, codes = app(mine)
    assert len(set(codes)) == second_factor.N_RECOVERY_CODES
    assert who(mine).user_id == club.principal.user_id
    with pytest.raises(Exception, match="not signed in"):
        who(other)
    step = sign_in()
    assert isinstance(step, SecondStep)
    with uow_factory(None) as uow, pytest.raises(Exception, match="not signed in"):
        accounts.resolve_login(uow=uow, token=step.token)
    assert finish(step, "000000") is None
    done = finish(step, code_at(secret, NOW_S))
    assert isinstance(done, SignedIn)
    assert who(done).user_id == club.principal.user_id
    with pytest.raises(InvalidCredentialsError):
        finish(step, code_at(secret, NOW_S + 30), at_s=NOW_S + 30)


def test_secret_when_stored_then_sealed(app, uow_factory, club) -> None:
    secret, codes = app()
    with uow_factory(club.id) as uow:
        row = uow._session.execute(text("SELECT totp_sealed, recovery_sha256 FROM user_account WHERE email = :email"),
                                   {"email": club.email}).one()  # fmt: skip
    assert secret.encode() not in row.totp_sealed
    assert all(code.encode() not in b"".join(row.recovery_sha256) for code in codes)


@pytest.mark.parametrize(
    ("offset_s", "opens"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_code_when_the_clocks_differ_then_half_a_minute_is_forgiven(
    app, sign_in, finish, offset_s, opens
) -> None:
    secret, _ = app()
    assert (finish(sign_in(), code_at(secret, NOW_S + offset_s)) is not None) is opens


def test_code_when_used_then_neither_it_nor_an_earlier_one_opens_again(app, sign_in, finish) -> None:
    secret, _ = app()
    assert finish(sign_in(), code_at(secret, NOW_S)) is not None
    step = sign_in()
    assert finish(step, code_at(secret, NOW_S)) is None
    assert finish(step, code_at(secret, NOW_S - 30)) is None
    assert finish(step, code_at(secret, NOW_S + 30)) is not None


def test_code_when_two_use_it_at_once_then_one_gets_in(app, sign_in, finish) -> None:
    secret, _ = app()
    steps = [sign_in() for _ in range(4)]
    found = []
    threads = [
        threading.Thread(target=lambda step=step: found.append(finish(step, code_at(secret, NOW_S))))
        for step in steps
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert sum(each is not None for each in found) == 1


def test_recovery_code_when_used_then_once_however_it_is_typed(
    app, sign_in, finish, uow_factory, who
) -> None:
    _, codes = app()
    done = finish(sign_in(), codes[0].upper().replace("-", " "))
    assert done is not None
    assert finish(sign_in(), codes[0]) is None
    with uow_factory(None) as uow:
        factors = second_factor.get_factors(uow=uow, principal=who(done))
    assert factors.n_recovery_codes == second_factor.N_RECOVERY_CODES - 1
    with uow_factory(None) as uow:
        fresh = second_factor.renew_recovery_codes(uow=uow, principal=who(done))
    assert finish(sign_in(), codes[1]) is None
    assert finish(sign_in(), fresh[1]) is not None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "-" * 5000])
def test_code_when_it_is_nonsense_then_wrong(app, sign_in, finish, code) -> None:
    app()
    assert finish(sign_in(), code) is None


def test_app_when_the_first_code_is_wrong_then_not_on(sign_in, who, uow_factory) -> None:
    signed_in = sign_in()
    principal = who(signed_in)
    with uow_factory(None) as uow:
        first = second_factor.prepare_app(uow=uow, principal=principal, seal=SEAL)
    with uow_factory(None) as uow, pytest.raises(InvalidInputError, match="not the code"):
        second_factor.start_app(uow=uow, principal=principal, code="000000", seal=SEAL)
    with uow_factory(None) as uow:
        again = second_factor.prepared_app(uow=uow, principal=principal, seal=SEAL)
    assert again.secret == first.secret
    assert isinstance(sign_in(), SignedIn)


def test_app_when_on_then_cannot_be_replaced_but_turned_off_and_the_person_is_told(
    app, sign_in, who, finish, uow_factory, queue
) -> None:
    secret, _ = app(post=POST)
    done = finish(sign_in(), code_at(secret, NOW_S))
    principal = who(done)
    with uow_factory(None) as uow, pytest.raises(StaleStateError):
        second_factor.prepare_app(uow=uow, principal=principal, seal=SEAL)
    n_before = len([job for job in queue.jobs if job.name == SEND_MAIL])
    assert n_before == 1
    with uow_factory(None) as uow:
        second_factor.stop_app(uow=uow, principal=principal, post=POST)
    assert len([job for job in queue.jobs if job.name == SEND_MAIL]) == n_before + 1
    assert isinstance(sign_in(), SignedIn)
    with uow_factory(None) as uow, pytest.raises(StaleStateError):
        second_factor.stop_app(uow=uow, principal=principal)
    with uow_factory(None) as uow, pytest.raises(StaleStateError):
        second_factor.renew_recovery_codes(uow=uow, principal=principal)


def test_changes_of_security_when_not_confirmed_lately_then_refused_until_confirmed(
    app, sign_in, who, uow_factory, club
) -> None:
    signed_in = sign_in()
    age_confirmation(uow_factory, signed_in)
    principal = who(signed_in)
    refused = (
        lambda uow: second_factor.prepare_app(uow=uow, principal=principal, seal=SEAL),
        lambda uow: second_factor.stop_app(uow=uow, principal=principal),
        lambda uow: second_factor.renew_recovery_codes(uow=uow, principal=principal),
        lambda uow: second_factor.reset_second_factor(
            uow=uow, principal=principal, user_id=principal.user_id
        ),
        lambda uow: sign_in_rules.change_rule(uow=uow, principal=principal, roles=frozenset(), grace_days=0),
        lambda uow: logins.issue_reset(uow=uow, principal=principal, user_id=principal.user_id),
        lambda uow: accounts.create_api_key(
            uow=uow, principal=principal, name="x", scopes=PERMISSIONS[Role.VIEWER]
        ),
        lambda uow: members.invite(
            uow=uow, principal=principal, email="new@example.org", place=Place(role=Role.OWNER)
        ),
        lambda uow: members.remove_member(uow=uow, principal=principal, user_id=principal.user_id),
    )
    for change in refused:
        with uow_factory(None) as uow, pytest.raises(ConfirmationNeededError):
            change(uow)

    def confirm(answer):
        with uow_factory(None) as uow:
            return second_factor.confirm(
                uow=uow, principal=principal, answer=answer, seal=SEAL, passwords=QUICK_PASSWORDS, at_s=NOW_S
            )

    assert not confirm("not it")
    assert not who(signed_in).is_confirmed
    assert confirm(PASSWORD)
    assert who(signed_in).is_confirmed
    secret, _ = app(signed_in)
    age_confirmation(uow_factory, signed_in)
    assert not confirm(PASSWORD)
    assert confirm(code_at(secret, NOW_S))


def test_rule_when_set_then_reminded_first_and_asked_later_and_nobody_is_locked_out(
    app, sign_in, who, finish, uow_factory, club
) -> None:
    def change(principal, roles, grace_days):
        with uow_factory(principal) as uow:
            return sign_in_rules.change_rule(
                uow=uow, principal=principal, roles=frozenset(roles), grace_days=grace_days
            )

    mine = sign_in()
    with pytest.raises(InvalidInputError, match="no second factor yourself"):
        change(who(mine), {Role.OWNER}, 7)
    with pytest.raises(InvalidInputError, match="this role"):
        change(who(mine), {Role.ATHLETE}, 7)
    with pytest.raises(InvalidInputError, match="0 to 90"):
        change(who(mine), {Role.TRAINER}, 91)
    email = f"trainer-{club.email}"
    with uow_factory(None) as uow:
        accounts.create_user(
            uow=uow, organisation_id=club.id, email=email, display_name="Tea", password=PASSWORD,
            role=Role.TRAINER, passwords=QUICK_PASSWORDS,
        )  # fmt: skip
    theirs = sign_in(email)
    app(mine)
    change(who(mine), {Role.OWNER, Role.TRAINER}, 7)
    assert (who(mine).lacks_second_factor, who(mine).second_factor_due) == (False, None)
    reminded = who(theirs)
    assert not reminded.lacks_second_factor
    assert reminded.second_factor_due is not None
    rule = change(who(mine), {Role.OWNER, Role.TRAINER}, 0)
    assert rule.roles == {Role.OWNER, Role.TRAINER}
    held_up = who(theirs)
    assert held_up.lacks_second_factor
    with pytest.raises(SecondFactorNeededError):
        held_up.require_second_factor()
    app(theirs)
    assert not who(theirs).lacks_second_factor
    assert change(who(mine), (), 0) == SecondFactorRule()


def test_reset_when_an_owner_does_it_then_off_logins_ended_and_told(
    app, sign_in, who, uow_factory, club, rival, queue
) -> None:
    app()
    owner = club.principal
    reset = {"user_id": owner.user_id}
    with uow_factory(rival.principal) as uow, pytest.raises(NotFoundError):
        second_factor.reset_second_factor(uow=uow, principal=rival.principal, **reset)
    with uow_factory(club.id) as uow, pytest.raises(ForbiddenError):
        second_factor.reset_second_factor(uow=uow, principal=club.as_role(Role.TRAINER), **reset)
    with uow_factory(owner) as uow:
        second_factor.reset_second_factor(uow=uow, principal=owner, **reset, post=POST)
    assert [job for job in queue.jobs if job.name == SEND_MAIL]
    assert isinstance(sign_in(), SignedIn)
    with uow_factory(owner) as uow, pytest.raises(StaleStateError):
        second_factor.reset_second_factor(uow=uow, principal=owner, **reset)


def test_reset_when_the_member_belongs_to_others_too_then_refused(app, uow_factory, club, rival) -> None:
    app()
    with uow_factory(None) as uow:
        uow.accounts.add_membership(
            organisation_id=rival.id, user_id=club.principal.user_id, role=Role.VIEWER
        )
    with uow_factory(club.principal) as uow, pytest.raises(ForbiddenError, match="another organisation"):
        second_factor.reset_second_factor(uow=uow, principal=club.principal, user_id=club.principal.user_id)


def test_acts_when_done_then_in_the_trail_without_a_secret(app, sign_in, finish, uow_factory, club) -> None:
    secret, codes = app()
    finish(sign_in(), "000000")
    finish(sign_in(), codes[0])
    with uow_factory(club.id) as uow:
        rows = uow.audit.list_newest(organisation_id=club.id, before=None, act=None, object_id=None, limit=20)
    acts = [row.act for row in rows]
    assert {"user.second_factor_started", "login.refused", "login.started"} <= set(acts)
    told = " ".join(row.detail for row in rows)
    assert not any(each in told for each in (secret, *codes))
