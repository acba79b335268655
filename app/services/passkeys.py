"""Passkeys: made, named, removed; signing in with one alone, as the second factor, and to prove who one is.

A passkey lives in a phone, a computer or a key on a ring, and asks there for a finger, a face or a PIN, so that it is two
factors in one. What belongs to a person needs a unit of work of none.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from app.db.models import Passkey, UserAccount
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Origin, Principal, SignInMethod
from app.domain.audit import Act
from app.domain.errors import InvalidCredentialsError, InvalidInputError, NotFoundError, StaleStateError
from app.domain.sign_in import StepKind
from app.services.accounts import start_login
from app.services.checks import check_text
from app.services.credentials import sha256_of
from app.services.outbox import Post
from app.services.read_models import SignedIn
from app.services.second_factor import make_recovery_codes, tell, user_of
from app.services.sign_in_steps import begin_step, has_second_factor, look_at_step, take_step

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

# The library is loaded by whoever needs it first: it takes as much memory as all of our services.
MAX_PASSKEYS = 20
MAX_ANSWER_CHARS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """Whose passkeys these are: browsers hold them to this name and this origin."""

    id: str
    origin: str

    @classmethod
    def at(cls, base_url: str) -> "RelyingParty":
        """Return the one of the address users type; this machine alone goes by its name, numbers are not allowed."""
        parts = urlsplit(base_url)
        host = parts.hostname or "localhost"
        name = "localhost" if host in {"127.0.0.1", "::1"} else host
        port = "" if parts.port is None else f":{parts.port}"
        return cls(id=name, origin=f"{parts.scheme}://{name}{port}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a browser is to ask an authenticator, and the token that the answer comes back with."""

    token: str
    options: str
    """JSON, as WebAuthn has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyView:
    """One passkey of a person."""

    id: UUID
    name: str
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None


def list_passkeys(*, uow: UnitOfWork, principal: Principal) -> list[PasskeyView]:
    """List the person's passkeys, the oldest first."""
    return [
        PasskeyView(
            id=row.id,
            name=row.name,
            is_synced=row.is_synced,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
        )
        for row in uow.sign_in.list_passkeys(user_of(uow, principal).id)
    ]


def ask_for_new(*, uow: UnitOfWork, principal: Principal, party: RelyingParty) -> Question:
    """Ask the browser to make a passkey."""
    import webauthn
    from webauthn.helpers import structs

    principal.require_confirmed()
    user = user_of(uow, principal)
    known = uow.sign_in.list_passkeys(user.id)
    if len(known) >= MAX_PASSKEYS:
        raise StaleStateError(f"You have {MAX_PASSKEYS} passkeys.", how_to_fix="Remove one first.")
    token = begin_step(uow=uow, kind=StepKind.NEW_PASSKEY, user_id=user.id)
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name="Plumbline",
        user_id=user.id.bytes,
        user_name=user.email,
        user_display_name=user.display_name,
        challenge=sha256_of(token),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return Question(token=token, options=webauthn.options_to_json(options))


def add_passkey(
    *,
    uow: UnitOfWork,
    principal: Principal,
    party: RelyingParty,
    token: str,
    answer: str,
    name: str,
    post: Post | None = None,
) -> tuple[str, ...]:
    """Keep the passkey that the browser made; return recovery codes when it is the person's first second factor.

    Raises `InvalidCredentialsError` when the answer does not fit the question.
    """
    import webauthn

    principal.require_confirmed()
    user = user_of(uow, principal)
    shown = check_text(name, field="name", max_length=80)
    step = take_step(uow=uow, kind=StepKind.NEW_PASSKEY, token=token)
    if step.user_id != user.id:
        raise _does_not_hold()
    try:
        made = webauthn.verify_registration_response(
            credential=answer[:MAX_ANSWER_CHARS],
            expected_challenge=sha256_of(token),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001  # bytes of strangers go through parsers of others: whatever breaks, it does not hold
        raise _does_not_hold() from None
    is_first = not has_second_factor(uow, user)
    if not uow.sign_in.add_passkey(
        user_id=user.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=shown,
        is_synced=made.credential_backed_up,
    ):
        raise InvalidInputError(
            "This passkey is known already.", how_to_fix="Use it to sign in.", field="passkey"
        )
    codes = make_recovery_codes(uow, user) if is_first else ()
    if is_first:
        uow.accounts.revoke_logins(user_id=user.id, except_for=principal.session_id)
    if principal.session_id is not None:
        uow.sign_in.note_confirmed(principal.session_id, has_second_factor=True)
    uow.audit.record(actor=principal, act=Act.SECOND_FACTOR_STARTED, object_id=user.id, kind="passkey")
    tell(uow, principal, user, post, "a passkey was added: it lets its holder in without a password.")
    return codes


def rename_passkey(*, uow: UnitOfWork, principal: Principal, passkey_id: UUID, name: str) -> None:
    """Call a passkey something else."""
    user = user_of(uow, principal)
    if passkey_id not in {row.id for row in uow.sign_in.list_passkeys(user.id)}:
        raise _no_passkey()
    shown = check_text(name, field="name", max_length=80)
    uow.sign_in.rename_passkey(user_id=user.id, passkey_id=passkey_id, name=shown)
    uow.audit.record(actor=principal, act=Act.PASSKEY_RENAMED, object_id=passkey_id)


def remove_passkey(
    *, uow: UnitOfWork, principal: Principal, passkey_id: UUID, post: Post | None = None
) -> None:
    """Forget a passkey; with the last second factor its recovery codes go, too."""
    principal.require_confirmed()
    user = user_of(uow, principal)
    if not uow.sign_in.remove_passkey(user_id=user.id, passkey_id=passkey_id):
        raise _no_passkey()
    if not has_second_factor(uow, user):
        uow.sign_in.set_recovery_codes(user_id=user.id, recovery_sha256=())
    uow.audit.record(actor=principal, act=Act.SECOND_FACTOR_STOPPED, object_id=passkey_id, kind="passkey")
    tell(uow, principal, user, post, "a passkey was removed: it lets nobody in any more.")


def ask_to_sign_in(*, uow: UnitOfWork, party: RelyingParty) -> Question:
    """Ask the browser for whichever passkey of ours it has."""
    return _question(uow, StepKind.PASSKEY, party, user_id=None)


def ask_for_second_step(*, uow: UnitOfWork, party: RelyingParty, token: str) -> Question:
    """Ask for a passkey of the person whose password was right."""
    step = look_at_step(uow=uow, kind=StepKind.SECOND_FACTOR, token=token)
    return _question(uow, StepKind.PASSKEY, party, user_id=step.user_id)


def ask_to_confirm(*, uow: UnitOfWork, principal: Principal, party: RelyingParty) -> Question:
    """Ask for a passkey of the person who is signed in."""
    return _question(uow, StepKind.PASSKEY, party, user_id=user_of(uow, principal).id)


def sign_in(
    *,
    uow: UnitOfWork,
    party: RelyingParty,
    token: str,
    answer: str,
    second_step_token: str | None = None,
    user_agent: str = "",
    origin: Origin | None = None,
) -> SignedIn:
    """Start the login of whoever holds the passkey; raise `InvalidCredentialsError` when it does not hold.

    As the second step of a sign-in it must be a passkey of the person whose password was right.
    """
    user = _user_by_answer(uow, party, token=token, answer=answer)
    method = SignInMethod.PASSKEY
    if second_step_token is not None:
        step = take_step(uow=uow, kind=StepKind.SECOND_FACTOR, token=second_step_token)
        if step.user_id != user.id:
            raise _does_not_hold()
        method = SignInMethod.PASSWORD
    membership = uow.accounts.first_membership(user.id)
    if membership is None:
        raise _does_not_hold()
    return start_login(
        uow=uow,
        user=user,
        membership=membership,
        method=method,
        has_second_factor=True,
        user_agent=user_agent,
        origin=origin,
    )


def confirm(*, uow: UnitOfWork, principal: Principal, party: RelyingParty, token: str, answer: str) -> None:
    """Let the person prove who they are by a passkey of theirs."""
    user = _user_by_answer(uow, party, token=token, answer=answer)
    if user.id != principal.user_id:
        raise _does_not_hold()
    if principal.session_id is not None:
        uow.sign_in.note_confirmed(principal.session_id)
        uow.audit.record(actor=principal, act=Act.LOGIN_CONFIRMED, object_id=principal.session_id)


def _question(uow: UnitOfWork, kind: StepKind, party: RelyingParty, *, user_id: UUID | None) -> Question:
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    token = begin_step(uow=uow, kind=kind, user_id=user_id)
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=sha256_of(token),  # what the answer signs names the question, which is answered once
        allow_credentials=None if user_id is None else _descriptors(uow.sign_in.list_passkeys(user_id)),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Question(token=token, options=webauthn.options_to_json(options))


def _user_by_answer(uow: UnitOfWork, party: RelyingParty, *, token: str, answer: str) -> UserAccount:
    """Return whose passkey answered the question; a question is answered once."""
    import webauthn
    from webauthn.helpers import parse_authentication_credential_json

    step = take_step(uow=uow, kind=StepKind.PASSKEY, token=token)
    try:
        given = parse_authentication_credential_json(answer[:MAX_ANSWER_CHARS])
    except Exception:  # noqa: BLE001  # as above
        raise _does_not_hold() from None
    row = uow.sign_in.find_passkey(given.raw_id)
    if row is None or (step.user_id is not None and step.user_id != row.user_id):
        raise _does_not_hold()
    if given.response.user_handle not in (None, row.user_id.bytes):
        raise _does_not_hold()
    try:
        verified = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=sha256_of(token),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001  # as above
        raise _does_not_hold() from None
    user = uow.accounts.find_user(row.user_id)
    if user is None:
        raise _does_not_hold()
    uow.sign_in.note_passkey_used(row.id, sign_count=verified.new_sign_count)
    return user


def _descriptors(rows: list[Passkey]) -> "list[PublicKeyCredentialDescriptor]":
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=row.credential_id) for row in rows]


def _no_passkey() -> NotFoundError:
    return NotFoundError("There is no such passkey.", how_to_fix="Look at the list: it may be gone already.")


def _does_not_hold() -> InvalidCredentialsError:
    return InvalidCredentialsError(
        "This passkey does not hold: it is not known here, or took too long.",
        how_to_fix="Try again, or sign in with your password.",
    )
