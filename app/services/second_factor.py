"""The second factor of a person: an authenticator app, and recovery codes for when it is lost.

All of it belongs to the person, not to an organisation: the functions take an entered unit of work made for nobody,
but for `reset_second_factor`, which an owner does.
"""

import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from uuid import UUID

import pyotp

from app.db.models import UserAccount
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Origin, Permission, Principal, Role, SignInMethod
from app.domain.audit import Act
from app.domain.errors import ForbiddenError, InvalidInputError, StaleStateError
from app.domain.sign_in import StepKind
from app.domain.versions import ANY, Expected
from app.services.accounts import start_login
from app.services.credentials import sha256_of
from app.services.members import hold_member
from app.services.outbox import Post
from app.services.passwords import Passwords, recommended_passwords
from app.services.read_models import SignedIn
from app.services.sealing import BrokenSealError, Seal
from app.services.sign_in_steps import has_second_factor, look_at_step, take_step

ISSUER = "Plumbline"
N_RECOVERY_CODES = 10
PERIOD_S = 30
"""RFC 6238's half minute, the only one that every app knows."""
_WINDOW = 1
"""Codes of so many half minutes before and after count, too: clocks of phones are not exact."""
_PURPOSE = "totp"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another on paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSetup:
    """What an authenticator app must be told, once."""

    secret: str = field(repr=False)
    address: str = field(repr=False)
    """The same as an ``otpauth://`` address, for a QR code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorView:
    """What a person has beside the password."""

    has_app: bool
    n_passkeys: int
    n_recovery_codes: int


def get_factors(*, uow: UnitOfWork, principal: Principal) -> FactorView:
    """Say what the person has beside the password."""
    user = user_of(uow, principal)
    return _factors(uow, user)


def factors_at_step(*, uow: UnitOfWork, token: str) -> FactorView:
    """Say what the person whose password was right can show next, or raise `InvalidCredentialsError`."""
    step = look_at_step(uow=uow, kind=StepKind.SECOND_FACTOR, token=token)
    user = None if step.user_id is None else uow.accounts.find_user(step.user_id)
    if user is None:
        return FactorView(has_app=False, n_passkeys=0, n_recovery_codes=0)
    return _factors(uow, user)


def prepare_app(*, uow: UnitOfWork, principal: Principal, seal: Seal) -> AppSetup:
    """Make a secret for an authenticator app; it counts from the first right code on (`start_app`)."""
    principal.require_confirmed()
    user = user_of(uow, principal)
    secret = pyotp.random_base32(32)
    sealed = seal.seal(secret, purpose=_PURPOSE, owner=user.id)
    if not uow.sign_in.prepare_totp(user_id=user.id, sealed=sealed):
        raise _already_on()
    return _setup(secret, email=user.email)


def prepared_app(*, uow: UnitOfWork, principal: Principal, seal: Seal) -> AppSetup:
    """Return what was prepared, for the page to show again."""
    user = user_of(uow, principal)
    if user.totp_since is not None:
        raise _already_on()
    return _setup(_open(user, seal), email=user.email)


def start_app(
    *,
    uow: UnitOfWork,
    principal: Principal,
    code: str,
    seal: Seal,
    post: Post | None = None,
    at_s: float | None = None,
) -> tuple[str, ...]:
    """Put the prepared app to use by its first code; end every other login, and return the recovery codes.

    Raises `InvalidInputError` for a wrong code; then the app can be set up again.
    """
    principal.require_confirmed()
    user = user_of(uow, principal)
    step = find_step(_open(user, seal), code, at_s=at_s)
    if step is None:
        raise InvalidInputError(
            "This is not the code that the app shows now.",
            how_to_fix="Wait for the next one, and check that the phone's clock is right.",
            field="code",
        )
    if not uow.sign_in.start_totp(user_id=user.id, step=step):
        raise _already_on()
    codes = make_recovery_codes(uow, user)
    ended = uow.accounts.revoke_logins(user_id=user.id, except_for=principal.session_id)
    if principal.session_id is not None:
        uow.sign_in.note_confirmed(principal.session_id, has_second_factor=True)
    uow.audit.record(
        actor=principal, act=Act.SECOND_FACTOR_STARTED, object_id=user.id, kind="app", n_logins=ended
    )
    tell(uow, principal, user, post, "signing in now needs a code from an authenticator app.")
    return codes


def stop_app(*, uow: UnitOfWork, principal: Principal, post: Post | None = None) -> None:
    """Turn the authenticator app off."""
    principal.require_confirmed()
    user = user_of(uow, principal)
    if not uow.sign_in.stop_totp(user_id=user.id):
        raise StaleStateError("There is no authenticator app to turn off.", how_to_fix="Reload the page.")
    if not uow.sign_in.has_passkey(user.id):
        uow.sign_in.set_recovery_codes(user_id=user.id, recovery_sha256=())
    uow.audit.record(actor=principal, act=Act.SECOND_FACTOR_STOPPED, object_id=user.id, kind="app")
    tell(uow, principal, user, post, "codes from an authenticator app are not asked for any more.")


def renew_recovery_codes(
    *, uow: UnitOfWork, principal: Principal, post: Post | None = None
) -> tuple[str, ...]:
    """Make new recovery codes instead of those before; the only time they can be read."""
    principal.require_confirmed()
    user = user_of(uow, principal)
    if not has_second_factor(uow, user):
        raise StaleStateError("Recovery codes stand in for a second factor.", how_to_fix="Set one up first.")
    codes = make_recovery_codes(uow, user)
    uow.audit.record(actor=principal, act=Act.RECOVERY_CODES_MADE, object_id=user.id, n_codes=len(codes))
    tell(uow, principal, user, post, "new recovery codes were made, and those before hold no longer.")
    return codes


def finish_sign_in(
    *,
    uow: UnitOfWork,
    token: str,
    code: str,
    seal: Seal,
    user_agent: str = "",
    origin: Origin | None = None,
    at_s: float | None = None,
) -> SignedIn | None:
    """Start the login that waits for a code of the app, or a recovery code; None when it is wrong, and the step stays.

    Raises `InvalidCredentialsError` when nothing waits.
    """
    step = look_at_step(uow=uow, kind=StepKind.SECOND_FACTOR, token=token)
    user = None if step.user_id is None else uow.accounts.find_user(step.user_id)
    membership = None if user is None else uow.accounts.first_membership(user.id)
    if user is None or membership is None:
        take_step(uow=uow, kind=StepKind.SECOND_FACTOR, token=token)
        return None
    if not _spend_code(uow, user, code, seal=seal, at_s=at_s):
        actor = Principal(
            organisation_id=membership.organisation_id, role=Role.VIEWER, display_name="", user_id=user.id,
            origin=origin,
        )  # fmt: skip
        uow.audit.record(actor=actor, act=Act.SIGN_IN_REFUSED, object_id=user.id, step="second_factor")
        return None
    take_step(uow=uow, kind=StepKind.SECOND_FACTOR, token=token)
    return start_login(
        uow=uow,
        user=user,
        membership=membership,
        method=SignInMethod.PASSWORD,
        has_second_factor=True,
        user_agent=user_agent,
        origin=origin,
    )


def confirm(
    *,
    uow: UnitOfWork,
    principal: Principal,
    answer: str,
    seal: Seal,
    passwords: Passwords | None = None,
    at_s: float | None = None,
) -> bool:
    """Let the person prove who they are: by a code where they have an app, else by the password; False when wrong."""
    user = user_of(uow, principal)
    if user.totp_since is not None:
        is_right = _spend_code(uow, user, answer, seal=seal, at_s=at_s)
    else:
        is_right = (passwords or recommended_passwords()).verify(answer, user.password_hash)[0]
    if is_right and principal.session_id is not None:
        uow.sign_in.note_confirmed(principal.session_id)
        uow.audit.record(actor=principal, act=Act.LOGIN_CONFIRMED, object_id=principal.session_id)
    return is_right


def reset_second_factor(
    *,
    uow: UnitOfWork,
    principal: Principal,
    user_id: UUID,
    expected: Expected = ANY,
    post: Post | None = None,
) -> None:
    """Take the second factor off a member who lost it, and end their logins; owners only.

    Only for somebody who belongs to this organisation alone: it guards the others' doors, too. Takes the unit of work
    of the principal.
    """
    principal.require(Permission.MEMBERS_MANAGE)
    principal.require_confirmed()
    member = hold_member(uow=uow, principal=principal, user_id=user_id, expected=expected)
    if uow.members.n_memberships(user_id) != 1:
        raise ForbiddenError(
            "This person belongs to another organisation, too: their second factor is not yours to take off.",
            how_to_fix="They need a recovery code, or whoever runs the service.",
        )
    if not member.has_second_factor:
        raise StaleStateError("This member has no second factor.", how_to_fix="There is nothing to take off.")
    uow.sign_in.stop_totp(user_id=user_id)
    uow.sign_in.remove_passkey(user_id=user_id)
    uow.sign_in.set_recovery_codes(user_id=user_id, recovery_sha256=())
    ended = uow.accounts.revoke_logins(user_id=user_id)
    uow.audit.record(actor=principal, act=Act.SECOND_FACTOR_RESET, object_id=user_id, n_logins=ended)
    if post is not None:
        post.notice(
            uow,
            organisation_id=principal.organisation_id,
            email=member.email,
            display_name=member.display_name,
            what="an owner of your organisation took the second factor off your account, and every login of"
            " yours ended.",
        )


def find_step(secret: str, code: str, *, at_s: float | None = None) -> int | None:
    """Return the half minute whose code this is, of those that count now, or None."""
    given = re.sub(r"\s", "", code)
    if re.fullmatch(r"[0-9]{6}", given) is None:
        return None
    generator = pyotp.HOTP(secret)
    now = int((time.time() if at_s is None else at_s) // PERIOD_S)
    steps = range(now - _WINDOW, now + _WINDOW + 1)
    return next((step for step in steps if hmac.compare_digest(generator.at(step), given)), None)


def _spend_code(uow: UnitOfWork, user: UserAccount, code: str, *, seal: Seal, at_s: float | None) -> bool:
    """Take a code of the app or a recovery code; neither opens twice."""
    if user.totp_since is not None:
        try:
            step = find_step(_open(user, seal), code, at_s=at_s)
        except StaleStateError:
            step = None  # sealed with a secret that is no more: recovery codes still help
        if step is not None:
            return uow.sign_in.use_totp_step(user_id=user.id, step=step)
    return uow.sign_in.use_recovery_code(user_id=user.id, sha256=sha256_of(_plain(code)))


def _factors(uow: UnitOfWork, user: UserAccount) -> FactorView:
    return FactorView(
        has_app=user.totp_since is not None,
        n_passkeys=len(uow.sign_in.list_passkeys(user.id)),
        n_recovery_codes=len(user.recovery_sha256),
    )


def make_recovery_codes(uow: UnitOfWork, user: UserAccount) -> tuple[str, ...]:
    """Give a person new recovery codes instead of those before; the only time they can be read."""

    def group() -> str:
        return "".join(secrets.choice(_LETTERS) for _ in range(5))

    codes = tuple("-".join((group(), group(), group())) for _ in range(N_RECOVERY_CODES))
    hashes = [sha256_of(_plain(each)) for each in codes]
    uow.sign_in.set_recovery_codes(user_id=user.id, recovery_sha256=hashes)
    return codes


def _plain(code: str) -> str:
    return re.sub(r"[^a-z0-9]", "", code.lower())[:64]


def _setup(secret: str, *, email: str) -> AppSetup:
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
    return AppSetup(secret=secret, address=address)


def _open(user: UserAccount, seal: Seal) -> str:
    try:
        return seal.open(user.totp_sealed or b"", purpose=_PURPOSE, owner=user.id)
    except BrokenSealError:
        raise StaleStateError(
            "There is no authenticator app being set up.", how_to_fix="Begin setting it up again."
        ) from None


def tell(uow: UnitOfWork, principal: Principal, user: UserAccount, post: Post | None, what: str) -> None:
    """Mail a person what changed about their way in; `what` is a whole sentence."""
    if post is not None:
        post.notice(
            uow,
            organisation_id=principal.organisation_id,
            email=user.email,
            display_name=user.display_name,
            what=what,
        )


def user_of(uow: UnitOfWork, principal: Principal) -> UserAccount:
    """Return the person who is asking; keys are nobody."""
    user = None if principal.user_id is None else uow.accounts.find_user(principal.user_id)
    if user is None:
        raise ForbiddenError("This is for people, not for keys.", how_to_fix="Sign in at the pages.")
    return user


def _already_on() -> StaleStateError:
    return StaleStateError(
        "An authenticator app is in use already.", how_to_fix="Turn it off first, then set up the new one."
    )
