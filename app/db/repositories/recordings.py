"""Recordings of one organisation, and the only writer of their state."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, insert, select, text, true, tuple_, update

from app.biomech.types import Movement, Verdict, View
from app.db.engine import TenantSession
from app.db.models import Analysis, Assessment, Athlete, Recording, RecordingEvent, TeamMember, Trial
from app.db.types import from_now, new_id
from app.domain.access import Principal
from app.domain.errors import StaleStateError
from app.domain.lifecycle import RecordingState, Stage, Trigger, next_state
from app.domain.screenings import ScreeningContext

RecordingKey = tuple[datetime, UUID]
"""Where a list of recordings goes on: the last row's time and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecording:
    """A video that has arrived and can be read."""

    id: UUID
    organisation_id: UUID
    athlete_id: UUID | None
    trial_id: UUID | None
    screened_on: date
    context: ScreeningContext
    movement: Movement
    view: View
    box_height_cm: float | None
    filename: str
    blob_key: str
    size_bytes: int
    sha256: str
    container: str
    codec: str
    width_px: int
    height_px: int
    duration_s: float
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One attempt's hold on a recording."""

    recording_id: UUID
    lease_token: UUID
    run: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A recording that is served next; found across organisations, so no more than ids."""

    organisation_id: UUID
    recording_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRecording:
    """A recording that needs the sweeper; found across organisations, so no more than ids."""

    organisation_id: UUID
    recording_id: UUID
    lease_expired: bool
    """False: queued, with no job under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRecord:
    """A recording with whose it is and what came of it last."""

    recording: Recording
    athlete: Athlete | None
    screening_id: UUID | None
    verdict: Verdict | None
    score: float | None
    band: str | None
    band_probability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How much work is waiting, all organisations together."""

    n_queued: int
    n_processing: int
    oldest_queued_s: float


class RecordingRepository:
    """Recordings of one organisation, and the only writer of their state."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session
        self.steps: list[RecordingEvent] = []
        """Every step taken in this unit of work, for whoever is to be told."""

    def add(self, new: NewRecording, *, actor: Principal) -> None:
        """Insert a recording as received, and the first line of its history."""
        values = {name: getattr(new, name) for name in NewRecording.__slots__}
        self._session.execute(insert(Recording).values(state=RecordingState.RECEIVED, **values))
        self._add_event(
            organisation_id=new.organisation_id,
            recording_id=new.id,
            from_state=None,
            trigger=Trigger.UPLOADED,
            to_state=RecordingState.RECEIVED,
            run=1,
            attempt=0,
            detail=None,
            actor=actor,
        )

    def transition(
        self,
        recording_id: UUID,
        *,
        from_state: RecordingState,
        trigger: Trigger,
        only_if: tuple[ColumnElement[bool], ...] = (),
        lease_token: UUID | None = None,
        values: dict[str, Any] | None = None,
        detail: str | None = None,
        actor: Principal | None = None,
    ) -> RecordingEvent:
        """Take one step of the life of a recording and write it down; the only place that writes `state`.

        With a lease token the step is taken only if the attempt that holds it is still the present one.
        Raises `StaleStateError` when the row is not (or no longer) where the caller thinks it is, and
        `IllegalTransitionError` when no such step exists.
        """
        to_state = next_state(from_state, trigger)
        held = () if lease_token is None else (Recording.lease_token == lease_token,)
        row = self._session.execute(
            update(Recording)
            .where(
                self._session.own(Recording),
                Recording.id == recording_id,
                Recording.state == from_state,
                *held,
                *only_if,
            )
            .values(
                {"state": to_state, "updated_at": func.now(), **_entering(to_state, detail), **(values or {})}
            )
            .returning(Recording.organisation_id, Recording.run, Recording.attempt)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if row is None:
            raise StaleStateError(
                "Somebody else was faster: the recording has changed meanwhile.",
                how_to_fix="Reload the page and look again.",
            )
        return self._add_event(
            organisation_id=row.organisation_id,
            recording_id=recording_id,
            from_state=from_state,
            trigger=trigger,
            to_state=to_state,
            run=row.run,
            attempt=row.attempt,
            detail=detail,
            actor=actor,
        )

    def enqueue(
        self,
        recording_id: UUID,
        *,
        from_state: RecordingState,
        trigger: Trigger,
        actor: Principal,
        bulk: bool = False,
    ) -> None:
        """Queue a recording for a job that the caller defers; anything but a first upload begins a new run.

        What is queued in bulk, nobody waits for.
        """
        values: dict[str, Any] = {"sent_at": func.now(), "is_bulk": bulk}
        if trigger is not Trigger.ACCEPTED:
            values |= {"run": Recording.run + 1, "attempt": 0}
        self.transition(recording_id, from_state=from_state, trigger=trigger, values=values, actor=actor)

    def take_turn(self) -> Turn | None:
        """Hold the recording whose turn it is, of whatever organisation; None when nothing is due.

        That is the oldest of the organisation that was served longest ago; what somebody waits for comes first. Enter
        the organisation and claim it in this transaction: until then nobody else gets it.
        """
        row = self._session.execute(
            text("SELECT organisation_id, recording_id FROM take_turn()")
        ).one_or_none()
        return (
            None if row is None else Turn(organisation_id=row.organisation_id, recording_id=row.recording_id)
        )

    def claim(self, recording_id: UUID, *, lease_s: float, max_attempts: int) -> Claim | None:
        """Begin an attempt, or return None when it is not to be had: taken, finished, not due, unknown."""
        token = new_id()
        try:
            event = self.transition(
                recording_id,
                from_state=RecordingState.QUEUED,
                trigger=Trigger.CLAIMED,
                only_if=(Recording.not_before.is_(None) | (Recording.not_before <= func.now()),),
                values={
                    "lease_token": token,
                    "lease_until": from_now(lease_s),
                    "attempt": Recording.attempt + 1,
                    "max_attempts": max_attempts,
                    "stage": Stage.DECODE,
                },
            )
        except StaleStateError:
            return None
        return Claim(recording_id=recording_id, lease_token=token, run=event.run, attempt=event.attempt)

    def heartbeat(self, claim: Claim, *, lease_s: float, stage: Stage, progress: float) -> bool:
        """Renew the lease and show progress; False when the attempt is no longer ours."""
        found = self._session.scalar(
            update(Recording)
            .where(
                self._session.own(Recording),
                Recording.id == claim.recording_id,
                Recording.state == RecordingState.PROCESSING,
                Recording.lease_token == claim.lease_token,
            )
            .values(lease_until=from_now(lease_s), stage=stage, progress=progress, updated_at=func.now())
            .returning(Recording.id)
            .execution_options(synchronize_session=False)
        )
        return found is not None

    def finish(self, claim: Claim, *, trigger: Trigger) -> None:
        """End the attempt with a result; raise `StaleStateError` when it is no longer ours."""
        self.transition(
            claim.recording_id,
            from_state=RecordingState.PROCESSING,
            trigger=trigger,
            lease_token=claim.lease_token,
        )

    def hold(self, recording_id: UUID) -> None:
        """Keep everybody else from changing the recording until this transaction ends."""
        self._session.execute(
            select(Recording.id)
            .where(self._session.own(Recording), Recording.id == recording_id)
            .with_for_update()
        )

    def reassess(
        self,
        recording_id: UUID,
        *,
        from_state: RecordingState,
        run: int,
        usable: bool,
        dropped: bool,
        actor: Principal | None,
    ) -> Claim:
        """Begin and end a run whose analysis was made from the stored track; return what to sign it with.

        Raises `StaleStateError` unless the recording still rests in this state after this run: a reading that
        is waiting or under way, or another analysis, comes first.
        """
        token = new_id()
        event = self.transition(
            recording_id,
            from_state=from_state,
            trigger=Trigger.REASSESSED if usable else Trigger.REASSESSED_UNUSABLE,
            only_if=(Recording.run == run,),
            values={
                "run": Recording.run + 1,
                "dropped_at": func.coalesce(Recording.dropped_at, func.now()) if dropped else None,
            },
            actor=actor,
        )
        return Claim(recording_id=recording_id, lease_token=token, run=event.run, attempt=event.attempt)

    def retry(self, claim: Claim, *, delay_s: float, detail: str) -> None:
        """Put it back after an error, not to be claimed before the delay is over; the sweeper sends the job."""
        self.transition(
            claim.recording_id,
            from_state=RecordingState.PROCESSING,
            trigger=Trigger.RETRY,
            lease_token=claim.lease_token,
            values={"not_before": from_now(delay_s)},
            detail=detail,
        )

    def give_up(self, claim: Claim, *, detail: str) -> None:
        """End the last attempt without a result."""
        self.transition(
            claim.recording_id,
            from_state=RecordingState.PROCESSING,
            trigger=Trigger.GAVE_UP,
            lease_token=claim.lease_token,
            detail=detail,
        )

    def find_expired(self, recording_id: UUID) -> tuple[Claim, int] | None:
        """Return the attempt of a recording whose lease ran out, held for this transaction, and the attempts allowed."""
        row = self._session.execute(
            select(Recording.lease_token, Recording.run, Recording.attempt, Recording.max_attempts)
            .where(
                self._session.own(Recording),
                Recording.id == recording_id,
                Recording.state == RecordingState.PROCESSING,
                Recording.lease_until < func.now(),
            )
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None or row.lease_token is None:
            return None
        claim = Claim(
            recording_id=recording_id, lease_token=row.lease_token, run=row.run, attempt=row.attempt
        )
        return claim, row.max_attempts

    def note_sent(self, recording_id: UUID, *, resend_after_s: float) -> bool:
        """Note that a job is sent again; False when another sweeper has just done so or it is queued no more."""
        found = self._session.scalar(
            update(Recording)
            .where(
                self._session.own(Recording),
                Recording.id == recording_id,
                Recording.state == RecordingState.QUEUED,
                Recording.sent_at.is_(None) | (Recording.sent_at < from_now(-resend_after_s)),
            )
            .values(sent_at=func.now())
            .returning(Recording.id)
            .execution_options(synchronize_session=False)
        )
        return found is not None

    def find_due(self, *, resend_after_s: float, limit: int) -> list[DueRecording]:
        """Return what needs the sweeper, of every organisation."""
        rows = self._session.execute(
            text(
                "SELECT organisation_id, recording_id, lease_expired"
                " FROM due_recordings(CAST(:resend_after_s AS float8), :max_rows)"
            ),
            {"resend_after_s": resend_after_s, "max_rows": limit},
        )
        return [
            DueRecording(
                organisation_id=row.organisation_id,
                recording_id=row.recording_id,
                lease_expired=row.lease_expired,
            )
            for row in rows
        ]

    def queue_position(self, recording_id: UUID) -> int | None:
        """Return the place among everybody's queued recordings, 1 for the next; None unless queued."""
        position: int | None = self._session.scalar(
            text("SELECT queue_position(CAST(:id AS uuid))"), {"id": str(recording_id)}
        )
        return position

    def queue_depth(self) -> QueueDepth:
        """Return how much is waiting, for health checks."""
        row = self._session.execute(text("SELECT * FROM queue_depth()")).one()
        return QueueDepth(
            n_queued=row.n_queued, n_processing=row.n_processing, oldest_queued_s=row.oldest_queued_s
        )

    def find(self, *, organisation_id: UUID, recording_id: UUID) -> RecordingRecord | None:
        """Return a recording, or None."""
        query = _recordings(organisation_id).where(Recording.id == recording_id)
        row = self._session.execute(query).one_or_none()
        return None if row is None else _record(row)

    def find_step(self, *, organisation_id: UUID, recording_id: UUID) -> tuple[object, ...] | None:
        """Return what changes when a recording gets on, to be compared with what it was; one row of one table."""
        row = self._session.execute(
            select(
                Recording.state, Recording.stage, Recording.progress, Recording.run, Recording.attempt
            ).where(Recording.organisation_id == organisation_id, Recording.id == recording_id)
        ).one_or_none()
        return None if row is None else tuple(row)

    def list_newest(
        self,
        *,
        organisation_id: UUID,
        athlete_id: UUID | None,
        team_id: UUID | None,
        state: RecordingState | None,
        inbox: bool,
        before: RecordingKey | None,
        limit: int,
    ) -> list[RecordingRecord]:
        """Return recordings, newest first; purged ones only when asked for by state."""
        query = _recordings(organisation_id)
        if state is None:
            query = query.where(Recording.state != RecordingState.PURGED)
        else:
            query = query.where(Recording.state == state)
        if athlete_id is not None:
            query = query.where(Recording.athlete_id == athlete_id)
        if inbox:
            query = query.where(Recording.athlete_id.is_(None))
        if team_id is not None:
            members = select(TeamMember.athlete_id).where(
                TeamMember.organisation_id == organisation_id, TeamMember.team_id == team_id
            )
            query = query.where(Recording.athlete_id.in_(members))
        if before is not None:
            query = query.where(tuple_(Recording.created_at, Recording.id) < before)
        query = query.order_by(Recording.created_at.desc(), Recording.id.desc()).limit(limit)
        return [_record(row) for row in self._session.execute(query)]

    def events(self, *, organisation_id: UUID, recording_id: UUID) -> list[RecordingEvent]:
        """Return the history of a recording, oldest first."""
        return [
            *self._session.scalars(
                select(RecordingEvent)
                .where(
                    RecordingEvent.organisation_id == organisation_id,
                    RecordingEvent.recording_id == recording_id,
                )
                .order_by(RecordingEvent.id)
            )
        ]

    def _add_event(
        self,
        *,
        organisation_id: UUID,
        recording_id: UUID,
        from_state: RecordingState | None,
        trigger: Trigger,
        to_state: RecordingState,
        run: int,
        attempt: int,
        detail: str | None,
        actor: Principal | None,
    ) -> RecordingEvent:
        step = self._session.scalars(
            insert(RecordingEvent)
            .values(
                organisation_id=organisation_id,
                recording_id=recording_id,
                from_state=from_state,
                trigger=trigger,
                to_state=to_state,
                run=run,
                attempt=attempt,
                detail=detail,
                actor_user_id=None if actor is None else actor.user_id,
                actor_api_key_id=None if actor is None else actor.api_key_id,
            )
            .returning(RecordingEvent)
        ).one()
        self.steps.append(step)
        return step


_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_until": None, "stage": None}

_ENTERING: dict[RecordingState, dict[str, Any]] = {
    RecordingState.QUEUED: {
        **_NO_LEASE,
        "progress": 0.0,
        "queued_at": func.now(),
        "sent_at": None,
        "not_before": None,
    },
    RecordingState.AWAITING_CONSENT: {**_NO_LEASE, "progress": 0.0, "not_before": None},
    RecordingState.PROCESSING: {"progress": 0.0, "not_before": None},
    RecordingState.ANALYSED: {**_NO_LEASE, "progress": 1.0},
    RecordingState.REJECTED: {**_NO_LEASE, "progress": 1.0},
    RecordingState.FAILED: _NO_LEASE,
    RecordingState.PURGED: _NO_LEASE,
}
"""What else a state means for the row."""


def _entering(state: RecordingState, detail: str | None) -> dict[str, Any]:
    failure = detail if state is RecordingState.FAILED else None
    return {**_ENTERING.get(state, {}), "failure_code": failure}


def _recordings(organisation_id: UUID) -> Select[Any]:
    latest = (
        select(
            Analysis.verdict,
            Assessment.value.label("score"),
            Assessment.band,
            Assessment.band_probability,
        )
        .outerjoin(
            Assessment,
            (Assessment.organisation_id == Analysis.organisation_id)
            & (Assessment.analysis_id == Analysis.id),
        )
        .where(Analysis.organisation_id == Recording.organisation_id, Analysis.recording_id == Recording.id)
        .order_by(Analysis.run.desc())
        .limit(1)
        .lateral("latest")
    )
    return (
        select(Recording, Athlete, Trial.screening_id, latest)
        .outerjoin(
            Athlete,
            (Athlete.organisation_id == Recording.organisation_id) & (Athlete.id == Recording.athlete_id),
        )
        .outerjoin(
            Trial, (Trial.organisation_id == Recording.organisation_id) & (Trial.id == Recording.trial_id)
        )
        .outerjoin(latest, true())
        .where(Recording.organisation_id == organisation_id)
        .execution_options(populate_existing=True)
    )


def _record(row: Any) -> RecordingRecord:
    return RecordingRecord(
        recording=row.Recording,
        athlete=row.Athlete,
        screening_id=row.screening_id,
        verdict=row.verdict,
        score=row.score,
        band=row.band,
        band_probability=row.band_probability,
    )
