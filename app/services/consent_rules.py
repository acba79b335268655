"""What follows from consent: the one place that makes recordings agree with what is allowed.

Takes an entered `UnitOfWork` of the organisation.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.consent import ConsentVerdict, Withheld, judge_consent
from app.domain.lifecycle import TRANSITIONS, RecordingState, Trigger
from app.jobs.names import ANALYSE_RECORDING
from app.jobs.queue import DEFAULT, Job


def judge_athletes(
    uow: UnitOfWork, *, organisation_id: UUID, athlete_ids: Collection[UUID] | None = None
) -> dict[UUID, ConsentVerdict]:
    """Return what each athlete's decisions allow today; None means the whole roster."""
    rules = uow.privacy.rules(organisation_id=organisation_id).consent
    births = uow.privacy.births(organisation_id=organisation_id, athlete_ids=athlete_ids)
    decisions = uow.privacy.decisions(organisation_id=organisation_id, athlete_ids=athlete_ids)
    today = datetime.now(UTC).date()
    return {
        athlete_id: judge_consent(
            rules, date_of_birth=born, decisions=decisions.get(athlete_id, ()), today=today
        )
        for athlete_id, born in births.items()
    }


def hides_faces(uow: UnitOfWork, *, organisation_id: UUID, athlete_id: UUID | None) -> bool:
    """Say whether faces are hidden in an athlete's pictures: the organisation wants it, or it was refused to show them."""
    if uow.privacy.rules(organisation_id=organisation_id).blur_faces:
        return True
    if athlete_id is None:
        return False
    return judge_athletes(uow, organisation_id=organisation_id, athlete_ids=(athlete_id,))[
        athlete_id
    ].hides_face


def obey_consent(
    uow: UnitOfWork,
    *,
    organisation_id: UUID,
    athlete_ids: Collection[UUID] | None = None,
    inbox: bool = False,
) -> int:
    """Make recordings agree with what is allowed now: let them wait, let them go on, withhold or show their results.

    Return how many were moved. Called in the transaction of whatever may change the verdict: a decision, a date of
    birth, an import, a move, a merge, the organisation's rules; and nightly, because people grow older. Without
    `athlete_ids`, the whole organisation, the inbox included.
    """
    verdicts = judge_athletes(uow, organisation_id=organisation_id, athlete_ids=athlete_ids)
    found = [
        (recording_id, state, withheld, verdicts[athlete_id])
        for recording_id, athlete_id, state, withheld in uow.privacy.recordings_of(
            organisation_id=organisation_id, athlete_ids=verdicts.keys()
        )
    ]
    if inbox or athlete_ids is None:
        stranger = _judge_stranger(uow, organisation_id=organisation_id)
        found += [
            (*waiting, stranger)
            for waiting in uow.privacy.recordings_of_nobody(
                organisation_id=organisation_id,
                states=[state for state, trigger in TRANSITIONS if trigger is _trigger(stranger)],
                unlike=stranger.withheld,
            )
        ]
    changed: dict[Withheld, list[UUID]] = {}
    n_moved = 0
    for recording_id, state, withheld, verdict in found:
        if verdict.withheld is not withheld:
            changed.setdefault(verdict.withheld, []).append(recording_id)
        n_moved += _move_on(uow, recording_id, organisation_id=organisation_id, state=state, verdict=verdict)
    for level, recording_ids in changed.items():
        uow.privacy.withhold(recording_ids=recording_ids, withheld=level)
        if level is not Withheld.NOT:  # files that hold them are taken away; the sweep deletes them
            uow.export_jobs.withdraw(organisation_id=organisation_id, recording_ids=recording_ids)
    return n_moved


def _judge_stranger(uow: UnitOfWork, *, organisation_id: UUID) -> ConsentVerdict:
    """Return what holds for a recording that belongs to nobody yet: nobody was asked, and the age is unknown."""
    rules = uow.privacy.rules(organisation_id=organisation_id).consent
    return judge_consent(rules, date_of_birth=None, decisions=(), today=datetime.now(UTC).date())


def _trigger(verdict: ConsentVerdict) -> Trigger:
    return Trigger.CONSENT_GIVEN if verdict.may_process else Trigger.CONSENT_MISSING


def _move_on(
    uow: UnitOfWork,
    recording_id: UUID,
    *,
    organisation_id: UUID,
    state: RecordingState,
    verdict: ConsentVerdict,
) -> int:
    trigger = _trigger(verdict)
    if (state, trigger) not in TRANSITIONS:
        return 0
    uow.recordings.transition(recording_id, from_state=state, trigger=trigger)
    if verdict.may_process:
        args = (str(recording_id), str(organisation_id))
        uow.defer(Job(name=ANALYSE_RECORDING, args=args, queue=DEFAULT))
    return 1
