"""Consent: asked for by the organisation's rules, given and withdrawn by those it concerns, and obeyed at once.

Every function but `decide_by_link` takes an entered `UnitOfWork` made for ``principal.organisation_id``.
What follows from a decision is written onto the recordings in the same transaction (`obey_consent`): one that lacks it
waits, one that has it is queued, and results are withheld by the database itself from whoever may not see them.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from app.db.repositories.webhooks import Telling
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.consent import (
    CONSENT_TEXT,
    TEXT_VERSION,
    ConsentSource,
    ConsentVerdict,
    Decision,
    Purpose,
    Relation,
    age_band,
)
from app.domain.errors import InvalidInputError, NotFoundError
from app.domain.lifecycle import RecordingState
from app.domain.privacy import PrivacyRules
from app.domain.webhooks import WebhookEvent
from app.jobs.names import DROP_VIDEOS
from app.jobs.queue import DEFAULT, Job
from app.services.athletes import find_record
from app.services.checks import check_text
from app.services.consent_rules import judge_athletes, obey_consent

LINK_LIFETIME_S: Final = 14 * 24 * 3600.0
LATER_LINK_LIFETIME_S: Final = 400 * 24 * 3600.0
"""Of the link handed over with a decision, by which it can be changed."""
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentStatus:
    """Where one athlete stands."""

    athlete_id: UUID
    verdict: ConsentVerdict
    decisions: tuple[Decision, ...]
    """Every decision there was, oldest first."""
    n_waiting: int
    """Recordings that wait for consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A link just made; the only time its token can be read."""

    id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOffer:
    """What somebody with a link is asked."""

    organisation_name: str
    athlete_name: str
    text: str
    text_version: str
    granted: Mapping[Purpose, bool]
    """What was decided last; a purpose nobody decided about is not in it."""
    waiting_days: int


_OF_VIDEOS: Final = (Purpose.SCREENING, Purpose.KEEP_VIDEO, Purpose.SHOW_FACE)
"""Purposes without which videos or pictures have to go, or to be drawn anew."""


def get_consent(*, uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> ConsentStatus:
    """Return where an athlete stands, or raise `NotFoundError`."""
    principal.require(Permission.ROSTER_READ)
    organisation_id = principal.organisation_id
    find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    decisions = uow.privacy.decisions(organisation_id=organisation_id, athlete_ids=(athlete_id,))
    verdict = judge_athletes(uow, organisation_id=organisation_id, athlete_ids=(athlete_id,))[athlete_id]
    waiting = [
        each
        for each in uow.privacy.recordings_of(organisation_id=organisation_id, athlete_ids=(athlete_id,))
        if each[2] in {RecordingState.AWAITING_CONSENT}
    ]
    return ConsentStatus(
        athlete_id=athlete_id,
        verdict=verdict,
        decisions=tuple(decisions.get(athlete_id, ())),
        n_waiting=len(waiting),
    )


def record_consent(
    *,
    uow: UnitOfWork,
    principal: Principal,
    athlete_id: UUID,
    given_by: str,
    relation: Relation,
    purposes: Mapping[Purpose, bool],
    text_version: str | None = None,
    source: ConsentSource = ConsentSource.PAPER,
) -> ConsentStatus:
    """Enter what somebody decided elsewhere: True gives, False withdraws or refuses; others stay as they are."""
    principal.require(Permission.ROSTER_WRITE)
    find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    decide(
        uow,
        organisation_id=principal.organisation_id,
        athlete_id=athlete_id,
        given_by=given_by,
        relation=relation,
        purposes=purposes,
        text_version=text_version,
        source=source,
        actor=principal,
    )
    return get_consent(uow=uow, principal=principal, athlete_id=athlete_id)


def make_guardian_link(*, uow: UnitOfWork, principal: Principal, athlete_id: UUID) -> NewLink:
    """Make a link by which somebody decides for the athlete, once; earlier ones that were not used end."""
    principal.require(Permission.ROSTER_WRITE)
    find_record(uow=uow, principal=principal, athlete_id=athlete_id)
    uow.privacy.spend_links(organisation_id=principal.organisation_id, athlete_id=athlete_id)
    link = _make_link(
        uow,
        organisation_id=principal.organisation_id,
        athlete_id=athlete_id,
        created_by=principal.user_id,
        lifetime_s=LINK_LIFETIME_S,
    )
    uow.audit.record(actor=principal, act=Act.CONSENT_LINK_MADE, object_id=athlete_id)
    return link


def organisation_of_token(token: str) -> UUID:
    """Return whose link this is, so that a unit of work can be made for it; raise `NotFoundError`."""
    try:
        return UUID(token.partition(".")[0])
    except ValueError:
        raise _no_link() from None


def open_link(*, uow: UnitOfWork, organisation_id: UUID, token: str) -> LinkOffer:
    """Return what the holder of a link is asked; the link stays good until they decide. Raise `NotFoundError`."""
    link = uow.privacy.find_link(organisation_id=organisation_id, token_sha256=_sha256(token))
    athlete = (
        None
        if link is None
        else uow.athletes.find(organisation_id=organisation_id, athlete_id=link.athlete_id)
    )
    if link is None or athlete is None:
        raise _no_link()
    return offer_for(uow, organisation_id=organisation_id, athlete_id=athlete.id, name=athlete.name)


def offer_for(uow: UnitOfWork, *, organisation_id: UUID, athlete_id: UUID, name: str) -> LinkOffer:
    """Return what somebody who decides for this athlete is asked; the caller found out that they may."""
    organisation = uow.accounts.find_organisation(organisation_id)
    rules = uow.privacy.rules(organisation_id=organisation_id)
    decisions = uow.privacy.decisions(organisation_id=organisation_id, athlete_ids=(athlete_id,))
    return LinkOffer(
        organisation_name="" if organisation is None else organisation.name,
        athlete_name=name,
        text=rules.consent_text or CONSENT_TEXT,
        text_version=rules.consent_text_version,
        granted={each.purpose: each.granted for each in decisions.get(athlete_id, ())},
        waiting_days=rules.consent.waiting_days,
    )


def decide_by_link(
    *,
    uow: UnitOfWork,
    organisation_id: UUID,
    token: str,
    given_by: str,
    relation: Relation,
    purposes: Mapping[Purpose, bool],
) -> NewLink:
    """Keep what the holder of a link decided, end the link, and return another for changing one's mind."""
    link = uow.privacy.find_link(organisation_id=organisation_id, token_sha256=_sha256(token))
    if link is None:
        raise _no_link()
    decide(
        uow,
        organisation_id=organisation_id,
        athlete_id=link.athlete_id,
        given_by=given_by,
        relation=relation,
        purposes=purposes,
        text_version=None,
        source=ConsentSource.LINK,
        actor=None,
    )
    uow.privacy.spend_link(link.id)
    return _make_link(
        uow,
        organisation_id=organisation_id,
        athlete_id=link.athlete_id,
        created_by=None,
        lifetime_s=LATER_LINK_LIFETIME_S,
    )


def purposes_of(granted: Iterable[Purpose]) -> dict[Purpose, bool]:
    """Return a decision about every purpose: these yes, the others no."""
    yes = frozenset(granted)
    return {purpose: purpose in yes for purpose in Purpose}


def decide(
    uow: UnitOfWork,
    *,
    organisation_id: UUID,
    athlete_id: UUID,
    given_by: str,
    relation: Relation,
    purposes: Mapping[Purpose, bool],
    text_version: str | None,
    source: ConsentSource,
    actor: Principal | None,
) -> None:
    """Write decisions down, and obey them at once; the caller found out that whoever decides may."""
    if not purposes:
        raise InvalidInputError(
            "Nothing was decided.", how_to_fix="Name at least one purpose.", field="purposes"
        )
    rules = uow.privacy.rules(organisation_id=organisation_id)
    version = text_version or rules.consent_text_version
    if not _is_known(uow, version, rules=rules, organisation_id=organisation_id):
        raise InvalidInputError(
            "There is no such version of the consent text.",
            how_to_fix="Leave it out for the present one.",
            field="text_version",
        )
    born: date | None = uow.privacy.births(organisation_id=organisation_id, athlete_ids=(athlete_id,))[
        athlete_id
    ]
    now = datetime.now(UTC)
    decided = [
        Decision(
            purpose=purpose,
            granted=granted,
            given_by=check_text(given_by, field="given_by"),
            relation=relation,
            age_band=age_band(born, today=now.date()),
            text_version=version,
            source=source,
            created_at=now,
        )
        for purpose, granted in purposes.items()
    ]
    uow.privacy.add_decisions(decided, organisation_id=organisation_id, athlete_id=athlete_id, actor=actor)
    uow.audit.record(
        actor=actor,
        act=Act.CONSENT_DECIDED,
        object_id=athlete_id,
        organisation_id=organisation_id,
        source=source.value,
        text_version=version,
        **{purpose.value: granted for purpose, granted in purposes.items()},
    )
    uow.webhooks.tell(*_tellings(athlete_id, purposes))
    obey_consent(uow, organisation_id=organisation_id, athlete_ids=(athlete_id,))
    if not all(purposes.get(purpose, True) for purpose in _OF_VIDEOS):
        uow.defer(Job(name=DROP_VIDEOS, args=(str(athlete_id), str(organisation_id)), queue=DEFAULT))


def _tellings(athlete_id: UUID, purposes: Mapping[Purpose, bool]) -> Iterator[Telling]:
    """Yield what other systems are told: what was agreed to, and what was not (any more)."""
    events = {True: WebhookEvent.CONSENT_GIVEN, False: WebhookEvent.CONSENT_WITHDRAWN}
    for granted, event in events.items():
        named = sorted(purpose.value for purpose, decided in purposes.items() if decided is granted)
        if named:
            yield Telling(event=event, athlete_id=athlete_id, content={"purposes": named})


def _is_known(uow: UnitOfWork, version: str, *, rules: PrivacyRules, organisation_id: UUID) -> bool:
    if version in {TEXT_VERSION, rules.consent_text_version}:
        return True
    return uow.privacy.text(organisation_id=organisation_id, version=version) is not None


def _make_link(
    uow: UnitOfWork, *, organisation_id: UUID, athlete_id: UUID, created_by: UUID | None, lifetime_s: float
) -> NewLink:
    token = f"{organisation_id.hex}.{secrets.token_urlsafe(_TOKEN_BYTES)}"
    link_id, expires_at = uow.privacy.add_link(
        organisation_id=organisation_id,
        athlete_id=athlete_id,
        token_sha256=_sha256(token),
        created_by=created_by,
        lifetime_s=lifetime_s,
    )
    return NewLink(id=link_id, token=token, expires_at=expires_at)


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _no_link() -> NotFoundError:
    return NotFoundError(
        "This link is not valid any more.",
        how_to_fix="It works once, and for two weeks. Ask the organisation for another.",
    )
