"""What the next run of `app.services.retention` would remove, by the rules there are or by others that are only tried.

Takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.privacy import PrivacyRules
from app.domain.versions import ANY, Expected
from app.services.consent_rules import judge_athletes
from app.services.privacy import change_rules

_ALL: Final = None
"""In place of the size of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removals:
    """Which recordings lose what."""

    whole: frozenset[UUID]
    """Everything: past the time for measures, or nobody agreed in time. In no other group."""
    originals: frozenset[UUID]
    """The video as uploaded; where faces are to be hidden first, once the pictures are drawn anew."""
    pictures: frozenset[UUID]
    """Overlay video and stills."""
    redrawn: frozenset[UUID]
    """Nothing but the faces in their pictures."""

    def is_beyond(self, other: "Removals") -> bool:
        """Say whether anything is lost here that the other one keeps; a face in a picture is not counted."""
        mine = (self.originals | self.whole, self.pictures | self.whole, self.whole)
        theirs = (other.originals | other.whole, other.pictures | other.whole, other.whole)
        return any(ids - kept for ids, kept in zip(mine, theirs, strict=True))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is due."""
        return not any(getattr(self, each.name) for each in fields(self))


def find_due(*, uow: UnitOfWork, principal: Principal) -> Removals:
    """Return what the next run removes by the present rules."""
    return try_rules(uow=uow, principal=principal, changes={})


def try_rules(
    *, uow: UnitOfWork, principal: Principal, changes: Mapping[str, Any], expected: Expected = ANY
) -> Removals:
    """Return what the next run would remove after this change of the rules; nothing is changed.

    The change is made and taken back, so that consent, too, is judged as it would be. Raises what
    `change_rules` raises.
    """
    principal.require(Permission.PRIVACY_MANAGE)
    try:
        with uow.savepoint():
            if changes:
                change_rules(uow=uow, principal=principal, changes=changes, expected=expected)
            uow.show_withheld()
            raise _TakenBack(_due(uow, organisation_id=principal.organisation_id))
    except _TakenBack as end:
        return end.found


class _TakenBack(Exception):  # noqa: N818  # no error: how a savepoint is left without a trace
    def __init__(self, found: Removals) -> None:
        super().__init__()
        self.found = found


def _due(uow: UnitOfWork, *, organisation_id: UUID) -> Removals:
    """Return what `retain_organisation` would find, in its order."""
    rules = uow.privacy.rules(organisation_id=organisation_id)
    due = _Due(uow=uow, organisation_id=organisation_id)
    whole = due.unconsented(rules.consent.waiting_days) | due.recordings(rules.keep_measures_days)
    originals = due.originals(0 if rules.numbers_only else rules.keep_original_days)
    pictures = due.pictures(0 if rules.numbers_only else rules.keep_pictures_days)
    no_video, hidden = due.unwanted(rules)
    if no_video or hidden:
        there = due.originals(0) - originals
        faces = (hidden & frozenset(uow.retention.with_faces(organisation_id=organisation_id))) - pictures
        pictures |= (due.pictures(0) & no_video) | (faces - there)
        no_original = no_video | hidden if rules.drop_original_after_blur else no_video
        originals |= there & no_original
        redrawn = faces - pictures
    else:
        redrawn = frozenset()
    return Removals(
        whole=whole, originals=originals - whole, pictures=pictures - whole, redrawn=redrawn - whole
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """One organisation's recordings, by what is due of them; None for days keeps everything."""

    uow: UnitOfWork
    organisation_id: UUID

    def recordings(self, days: int | None) -> frozenset[UUID]:
        if days is None:
            return frozenset()
        return frozenset(
            self.uow.retention.due_recordings(
                organisation_id=self.organisation_id, older_than_days=days, limit=_ALL
            )
        )

    def unconsented(self, days: int) -> frozenset[UUID]:
        return frozenset(
            self.uow.retention.due_unconsented(
                organisation_id=self.organisation_id, waiting_days=days, limit=_ALL
            )
        )

    def originals(self, days: int | None) -> frozenset[UUID]:
        if days is None:
            return frozenset()
        due = self.uow.retention.due_originals(
            organisation_id=self.organisation_id, older_than_days=days, limit=_ALL
        )
        return frozenset(each.recording_id for each in due)

    def pictures(self, days: int | None) -> frozenset[UUID]:
        if days is None:
            return frozenset()
        due = self.uow.retention.due_pictures(
            organisation_id=self.organisation_id, older_than_days=days, limit=_ALL
        )
        return frozenset(each.recording_id for each in due)

    def unwanted(self, rules: PrivacyRules) -> tuple[frozenset[UUID], frozenset[UUID]]:
        """Return whose video must not be kept, and in whose pictures no face may be shown."""
        verdicts = judge_athletes(self.uow, organisation_id=self.organisation_id)
        unwanted = [
            athlete_id
            for athlete_id, verdict in verdicts.items()
            if not verdict.may_keep_video or verdict.hides_face
        ]
        found = self.uow.privacy.recordings_of(organisation_id=self.organisation_id, athlete_ids=unwanted)
        no_video = frozenset(each[0] for each in found if not verdicts[each[1]].may_keep_video)
        hidden = frozenset(each[0] for each in found)
        if rules.blur_faces:
            hidden |= frozenset(self.uow.retention.with_faces(organisation_id=self.organisation_id))
        if rules.drops_originals_with_faces:
            hidden |= self.originals(0)
        return no_video, frozenset() if rules.numbers_only else hidden - no_video
