"""An organisation's rules about privacy. Takes an entered `UnitOfWork` made for ``principal.organisation_id``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.consent import TEXT_VERSION, ConsentRules
from app.domain.errors import InvalidInputError
from app.domain.privacy import PrivacyRules
from app.domain.versions import ANY, Expected, tag_of
from app.jobs.names import RETAIN
from app.jobs.queue import DEFAULT, Job
from app.services.consent_rules import obey_consent

_CONSENT: Final = frozenset(ConsentRules.__slots__)
MAX_TEXT_CHARS: Final = 20_000


def get_rules(*, uow: UnitOfWork, principal: Principal) -> PrivacyRules:
    """Return the organisation's rules."""
    principal.require(Permission.ROSTER_READ)
    return uow.privacy.rules(organisation_id=principal.organisation_id)


def change_rules(
    *, uow: UnitOfWork, principal: Principal, changes: Mapping[str, Any], expected: Expected = ANY
) -> PrivacyRules:
    """Change some of the rules, by the names of their fields; recordings follow at once.

    Another text is another version: decisions made so far stand for the text they were made about.
    """
    principal.require(Permission.PRIVACY_MANAGE)
    organisation_id = principal.organisation_id
    uow.hold(f"privacy:{organisation_id}")
    rules = uow.privacy.rules(organisation_id=organisation_id)
    expected.check(tag_of(rules), what="The organisation's rules")
    consent = {name: value for name, value in changes.items() if name in _CONSENT}
    others = {name: value for name, value in changes.items() if name not in _CONSENT}
    changed = replace(rules, **others, consent=replace(rules.consent, **consent))
    if changed.consent_text != rules.consent_text:
        changed = replace(changed, **_next_text(uow, principal, changed.consent_text))
    uow.privacy.save_rules(changed, organisation_id=organisation_id)
    uow.audit.record(
        actor=principal,
        act=Act.PRIVACY_CHANGED,
        object_id=organisation_id,
        fields=",".join(sorted(changes)),
        consent_text_version=changed.consent_text_version,
    )
    obey_consent(uow, organisation_id=organisation_id)
    if changed.file_rules != rules.file_rules:
        uow.defer(Job(name=RETAIN, args=(), queue=DEFAULT))  # what is there already follows, too
    return changed


def _next_text(uow: UnitOfWork, principal: Principal, text: str | None) -> dict[str, Any]:
    if text is None:
        return {"consent_text_version": TEXT_VERSION}
    cleaned = text.replace("\r\n", "\n").strip()
    if not 40 <= len(cleaned) <= MAX_TEXT_CHARS:
        raise InvalidInputError(
            f"The consent text must have between 40 and {MAX_TEXT_CHARS} characters.",
            how_to_fix="Say in plain words what is filmed, what for, who sees it, and how to withdraw.",
            field="consent_text",
        )
    number = uow.privacy.n_texts(organisation_id=principal.organisation_id) + 1
    return {"consent_text": cleaned, "consent_text_version": f"own-{number}"}
