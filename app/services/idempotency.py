"""Requests that may be repeated: what the first was answered is kept beside what it did, in the same transaction.

Takes an entered `UnitOfWork` made for the principal. A request that is refused leaves nothing, and may be sent again.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.db.repositories.idempotency import KEPT_S
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Principal
from app.domain.errors import IdempotencyConflictError, InvalidInputError, RequestInFlightError
from app.services.sealing import Seal

__all__ = ["KEPT_S", "Answer", "find_answer", "keep_answer"]

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_PURPOSE = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request was answered."""

    status: int
    headers: Mapping[str, str]
    body: str
    """Empty when it is no longer kept: somebody was erased since, and it may have told of them."""


def find_answer(
    *, uow: UnitOfWork, principal: Principal, key: str, request_sha256: str, seal: Seal
) -> Answer | None:
    """Return the answer to the earlier request with this key; None when this is the first, which then holds the key.

    Raises `InvalidInputError` (no key at all), `IdempotencyConflictError` (another request had this key) and
    `RequestInFlightError` (the first is still at work).
    """
    if not _KEY.fullmatch(key):
        raise InvalidInputError(
            "The Idempotency-Key is not one.",
            how_to_fix="Send 1 to 200 visible ASCII characters, for example a UUID.",
            field="idempotency-key",
        )
    organisation_id = principal.organisation_id
    if not uow.idempotency.hold(organisation_id=organisation_id, key=key):
        raise RequestInFlightError(
            "The first request with this Idempotency-Key is still at work.",
            how_to_fix="Wait a moment and send it again, unchanged.",
            retry_after_s=1,
        )
    kept = uow.idempotency.find_answer(organisation_id=organisation_id, key=key)
    if kept is None:
        return None
    if kept.status is None or kept.request_sha256 != _fingerprint(principal, request_sha256):
        raise IdempotencyConflictError(
            "This Idempotency-Key was already used for another request.",
            how_to_fix="Use a new key for a new request; repeat a request unchanged.",
        )
    owner = f"{organisation_id}:{key}"
    body = "" if kept.body is None else seal.open(kept.body, purpose=_PURPOSE, owner=owner)
    return Answer(status=kept.status, headers=kept.headers, body=body)


def keep_answer(
    *, uow: UnitOfWork, principal: Principal, key: str, request_sha256: str, answer: Answer, seal: Seal
) -> None:
    """Keep the answer for a day; its body sealed, because it may hold names, or a secret that is shown once."""
    owner = f"{principal.organisation_id}:{key}"
    uow.idempotency.add_answer(
        organisation_id=principal.organisation_id,
        key=key,
        request_sha256=_fingerprint(principal, request_sha256),
        status=answer.status,
        headers=answer.headers,
        body=seal.seal(answer.body, purpose=_PURPOSE, owner=owner),
    )


def _fingerprint(principal: Principal, request_sha256: str) -> str:
    """Return what two requests share only when the same one asks for the same."""
    parts = [request_sha256, str(principal.user_id), str(principal.api_key_id)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
