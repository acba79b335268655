"""Letters: written in the transaction of what they tell, sent after it, tried again until they are taken.

A letter is sent at least once. It is never sent twice knowingly: of two workers one gets it, and what the mail server
took is not sent again. Only when a worker dies, or the line breaks, between the server's taking it and our writing
that down does it go out a second time, under the same Message-ID.
"""

import json
import logging
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from app.db.repositories.mail import MailClaim
from app.db.types import new_id
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.mail import MailOutcome
from app.jobs.names import SEND_MAIL
from app.jobs.queue import INTERACTIVE, Job
from app.mail.mailer import Letter, MailDelayedError, Mailer, MailRefusedError
from app.services.letters import security_letter
from app.services.sealing import BrokenSealError, Seal

_log = logging.getLogger(__name__)

LEASE_S = 300.0
"""Longer than a conversation with a mail server can take."""
NOTICE_GOOD_FOR_S = 3 * 24 * 3600.0
"""A notice is worth sending so long after what it tells of."""
FORGET_AFTER_S = 30 * 24 * 3600.0
"""So long the database remembers that a letter was sent; what it said is gone at once."""
_PURPOSE = "mail"
_FIRST_DELAY_S = 60.0
_LONGEST_DELAY_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where letters are put. There is none where no mail server is configured."""

    base_url: str
    seal: Seal = field(repr=False)

    def write(
        self,
        uow: UnitOfWork,
        letter: Letter,
        *,
        organisation_id: UUID,
        good_for_s: float,
        mail_id: UUID | None = None,
    ) -> None:
        """Put a letter into the outbox, in this transaction; do it last, the transaction becomes the organisation's.

        `mail_id` is that of what it tells of, where the letter is to go when that goes.
        """
        uow.enter(organisation_id)
        mail_id = mail_id or new_id()
        content = json.dumps({"to": letter.to, "subject": letter.subject, "text": letter.text})
        sealed = self.seal.seal(content, purpose=_PURPOSE, owner=mail_id)
        uow.mail.add(organisation_id=organisation_id, mail_id=mail_id, sealed=sealed, good_for_s=good_for_s)
        uow.defer(mail_job(mail_id=mail_id, organisation_id=organisation_id))

    def notice(
        self, uow: UnitOfWork, *, organisation_id: UUID, email: str, display_name: str, what: str
    ) -> None:
        """Tell somebody that the way into their account changed."""
        letter = security_letter(
            to=email,
            display_name=display_name,
            what=what,
            security_url=f"{self.base_url}/settings/security",
        )
        self.write(uow, letter, organisation_id=organisation_id, good_for_s=NOTICE_GOOD_FOR_S)


class SendResult(StrEnum):
    """What became of one attempt."""

    SENT = "sent"
    PUT_BACK = "put_back"
    GAVE_UP = "gave_up"
    NOT_CLAIMED = "not_claimed"


def mail_job(*, mail_id: UUID, organisation_id: UUID) -> Job:
    """Return the job that sends a letter; somebody waits for it."""
    return Job(name=SEND_MAIL, args=(str(mail_id), str(organisation_id)), queue=INTERACTIVE)


def send_mail(
    *, uow_factory: UnitOfWorkFactory, mailer: Mailer, seal: Seal, mail_id: UUID, organisation_id: UUID
) -> SendResult:
    """Make one attempt at a letter; no transaction is open while the mail server is spoken to."""
    with uow_factory(organisation_id) as uow:
        claim = uow.mail.claim(mail_id, lease_s=LEASE_S)
    if claim is None:
        return SendResult.NOT_CLAIMED
    if claim.is_too_late:
        return _end(uow_factory, organisation_id, claim, MailOutcome.TOO_LATE)
    try:
        letter = _letter(claim, seal=seal)
        mailer.send(letter, letter_id=str(mail_id))
    except BrokenSealError:  # the app's secret was changed in between
        return _end(
            uow_factory, organisation_id, claim, MailOutcome.REFUSED, reason="sealed_with_another_key"
        )
    except MailRefusedError as error:
        return _end(uow_factory, organisation_id, claim, MailOutcome.REFUSED, reason=error.reason)
    except MailDelayedError as error:
        return _put_back(uow_factory, organisation_id, claim, reason=error.reason)
    return _end(uow_factory, organisation_id, claim, MailOutcome.SENT)


def sweep_mail(*, uow_factory: UnitOfWorkFactory, limit: int = 500) -> int:
    """Send a job for letters that wait; return how many. A letter whose job comes twice is claimed once."""
    with uow_factory(None) as uow:
        due = uow.mail.find_due(limit=limit)
        for item in due:
            uow.defer(mail_job(mail_id=item.mail_id, organisation_id=item.organisation_id))
    return len(due)


def forget_sent_mail(*, uow_factory: UnitOfWorkFactory) -> int:
    """Remove the rows of letters that ended long ago; return how many."""
    with uow_factory(None) as uow:
        organisation_ids = uow.accounts.list_organisation_ids()
    n_removed = 0
    for organisation_id in organisation_ids:
        with uow_factory(organisation_id) as uow:
            n_removed += uow.mail.remove_ended(organisation_id=organisation_id, older_than_s=FORGET_AFTER_S)
    return n_removed


def delay_after(attempt: int) -> float:
    """Return how long to wait after this attempt failed, in seconds: a minute, four, sixteen, then an hour each."""
    return float(min(_FIRST_DELAY_S * 4 ** (attempt - 1), _LONGEST_DELAY_S))


def _letter(claim: MailClaim, *, seal: Seal) -> Letter:
    content = json.loads(seal.open(claim.sealed, purpose=_PURPOSE, owner=claim.mail_id))
    return Letter(to=content["to"], subject=content["subject"], text=content["text"])


def _put_back(
    uow_factory: UnitOfWorkFactory, organisation_id: UUID, claim: MailClaim, *, reason: str
) -> SendResult:
    delay_s = delay_after(claim.attempt)
    if delay_s >= claim.left_s:
        return _end(uow_factory, organisation_id, claim, MailOutcome.TOO_LATE, reason=reason)
    with uow_factory(organisation_id) as uow:
        uow.mail.put_back(claim, delay_s=delay_s, reason=reason)
    _log.warning("mail could not be handed over (%s); it is tried again", reason)
    return SendResult.PUT_BACK


def _end(
    uow_factory: UnitOfWorkFactory,
    organisation_id: UUID,
    claim: MailClaim,
    outcome: MailOutcome,
    *,
    reason: str | None = None,
) -> SendResult:
    with uow_factory(organisation_id) as uow:
        uow.mail.end(claim, outcome=outcome, reason=reason)
    if outcome is MailOutcome.SENT:
        return SendResult.SENT
    _log.warning("a letter was given up (%s)", reason or outcome.value)
    return SendResult.GAVE_UP
