"""The steps of a sign-in that takes more than one: what one leaves for the next, for ten minutes, used once."""

import json
from datetime import timedelta
from uuid import UUID

from app.db.models import UserAccount
from app.db.repositories.sign_in import StepRow
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork
from app.domain.errors import InvalidCredentialsError
from app.domain.sign_in import StepKind
from app.services.credentials import new_token, sha256_of
from app.services.sealing import BrokenSealError, Seal

STEP_LIFETIME = timedelta(minutes=10)


def has_second_factor(uow: UnitOfWork, user: UserAccount) -> bool:
    """Say whether a password alone does not let this person in."""
    return user.totp_since is not None or uow.sign_in.has_passkey(user.id)


def begin_step(
    *,
    uow: UnitOfWork,
    kind: StepKind,
    user_id: UUID | None = None,
    content: dict[str, str] | None = None,
    seal: Seal | None = None,
) -> str:
    """Leave something for the next step, sealed; return the token that finds it. Takes a unit of work of none."""
    step_id, token = new_id(), new_token()
    sealed = None
    if content is not None and seal is not None:
        sealed = seal.seal(json.dumps(content), purpose=kind.value, owner=step_id)
    uow.sign_in.add_step(
        step_id=step_id,
        token_sha256=sha256_of(token),
        kind=kind,
        user_id=user_id,
        sealed=sealed,
        lifetime_s=STEP_LIFETIME.total_seconds(),
    )
    return token


def look_at_step(*, uow: UnitOfWork, kind: StepKind, token: str) -> StepRow:
    """Return what an earlier step left, or raise `InvalidCredentialsError`; it stays."""
    return _checked(uow.sign_in.find_step(token_sha256=sha256_of(token), kind=kind))


def take_step(*, uow: UnitOfWork, kind: StepKind, token: str) -> StepRow:
    """Return what an earlier step left and end it, or raise `InvalidCredentialsError`."""
    return _checked(uow.sign_in.take_step(token_sha256=sha256_of(token), kind=kind))


def content_of(step: StepRow, *, kind: StepKind, seal: Seal) -> dict[str, str]:
    """Return what was left, or raise `InvalidCredentialsError` when the app's secret was changed since."""
    try:
        opened = seal.open(step.sealed or b"", purpose=kind.value, owner=step.id)
    except BrokenSealError:
        raise _over() from None
    content: dict[str, str] = json.loads(opened)
    return content


def _checked(step: StepRow | None) -> StepRow:
    if step is None:
        raise _over()
    return step


def _over() -> InvalidCredentialsError:
    return InvalidCredentialsError(
        "This sign-in took too long, or was finished already.", how_to_fix="Begin again."
    )
