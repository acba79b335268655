"""Screenings of one organisation as they are judged: their trials, recordings, and those of the team beside them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Select, String, Uuid, bindparam, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.biomech.types import Movement, Sex, Side, View
from app.db.models import Analysis, Recording, Screening, ScreeningJudgement, TeamMember, Trial
from app.domain.lifecycle import RecordingState
from app.domain.screenings import ScreeningContext

ScreeningKey = tuple[date, UUID]
"""Where a list of screenings goes on: day and id of the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRecord:
    """One athlete tested on one occasion."""

    id: UUID
    athlete_id: UUID
    screened_on: date
    context: ScreeningContext
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningFilter:
    """Which screenings are wanted; None means all."""

    athlete_id: UUID | None = None
    team_id: UUID | None = None
    """Of athletes who are in it now."""
    context: ScreeningContext | None = None
    screened_from: date | None = None
    screened_to: date | None = None
    """This day included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecording:
    """One recording of one trial."""

    screening_id: UUID
    screened_on: date
    trial_id: UUID
    number: int
    movement: Movement
    recording_id: UUID
    view: View
    box_height_cm: float | None
    state: RecordingState
    withheld: int
    """From whom its results are kept; 0 from nobody."""
    analysis_id: UUID | None
    """Its latest analysis, where there is one that may be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptJudgement:
    """What a screening was last judged to be."""

    screening_id: UUID
    inputs_sha256: bytes
    """Of what was judged; another value means that it no longer holds."""
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodUse:
    """How many results of an organisation one method version made."""

    method_version: str
    n_analyses: int
    first_at: datetime
    last_at: datetime


class ScreeningRepository:
    """Screenings of one organisation, and what belongs to them."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def find(self, *, organisation_id: UUID, screening_id: UUID) -> ScreeningRecord | None:
        """Return a screening, or None."""
        query = _screenings(organisation_id).where(Screening.id == screening_id)
        row = self._session.execute(query).scalar_one_or_none()
        return None if row is None else _record(row)

    def find_of_recording(self, *, organisation_id: UUID, recording_id: UUID) -> ScreeningRecord | None:
        """Return the screening a recording belongs to, or None."""
        of = select(Trial.screening_id).join(
            Recording,
            (Recording.organisation_id == Trial.organisation_id) & (Recording.trial_id == Trial.id),
        )
        query = _screenings(organisation_id).where(
            Screening.id.in_(
                of.where(Recording.organisation_id == organisation_id, Recording.id == recording_id)
            )
        )
        row = self._session.execute(query).scalar_one_or_none()
        return None if row is None else _record(row)

    def list_of_athlete(
        self, *, organisation_id: UUID, athlete_id: UUID, after: ScreeningKey | None, limit: int
    ) -> list[ScreeningRecord]:
        """Return an athlete's screenings, oldest first."""
        query = _screenings(organisation_id).where(Screening.athlete_id == athlete_id)
        if after is not None:
            query = query.where(tuple_(Screening.screened_on, Screening.id) > after)
        query = query.order_by(Screening.screened_on, Screening.id).limit(limit)
        return [_record(row) for row in self._session.scalars(query)]

    def list_newest(
        self, *, organisation_id: UUID, wanted: ScreeningFilter, before: ScreeningKey | None, limit: int
    ) -> list[ScreeningRecord]:
        """Return screenings of whomever, newest first."""
        query = _screenings(organisation_id).where(*_conditions(organisation_id, wanted))
        if before is not None:
            query = query.where(tuple_(Screening.screened_on, Screening.id) < before)
        query = query.order_by(Screening.screened_on.desc(), Screening.id.desc()).limit(limit)
        return [_record(row) for row in self._session.scalars(query)]

    def list_last(
        self, *, organisation_id: UUID, athlete_id: UUID, before: ScreeningKey | None, limit: int
    ) -> list[ScreeningRecord]:
        """Return an athlete's screenings, newest first."""
        query = _screenings(organisation_id).where(Screening.athlete_id == athlete_id)
        if before is not None:
            query = query.where(tuple_(Screening.screened_on, Screening.id) < before)
        query = query.order_by(Screening.screened_on.desc(), Screening.id.desc()).limit(limit)
        return [_record(row) for row in self._session.scalars(query)]

    def recordings_of(
        self, *, organisation_id: UUID, screening_ids: Collection[UUID]
    ) -> list[TrialRecording]:
        """Return every recording of these screenings that is not purged, by movement and number of the trial."""
        query = (
            _trial_recordings(organisation_id)
            .where(Trial.screening_id.in_(screening_ids))
            .order_by(Trial.screening_id, Trial.movement, Trial.number, Recording.created_at, Recording.id)
        )
        return [_trial_recording(row) for row in self._session.execute(query)]

    def judgements_of(
        self, *, organisation_id: UUID, screening_ids: Collection[UUID]
    ) -> dict[UUID, KeptJudgement]:
        """Return what is kept of these screenings, by screening; it holds if its inputs are still the same."""
        kept = ScreeningJudgement
        query = select(kept.screening_id, kept.inputs_sha256, kept.content).where(
            kept.organisation_id == organisation_id, kept.screening_id.in_(screening_ids)
        )
        return {
            row.screening_id: KeptJudgement(
                screening_id=row.screening_id, inputs_sha256=row.inputs_sha256, content=row.content
            )
            for row in self._session.execute(query)
        }

    def keep_judgements(self, *, organisation_id: UUID, judgements: Collection[KeptJudgement]) -> None:
        """Keep these in place of what was kept of their screenings; in one order, so that two who do it never lock up."""
        if not judgements:
            return
        rows = [
            {
                "organisation_id": organisation_id,
                "screening_id": each.screening_id,
                "inputs_sha256": each.inputs_sha256,
                "content": each.content,
            }
            for each in sorted(judgements, key=lambda each: each.screening_id)
        ]
        statement = insert(ScreeningJudgement).values(rows)
        self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organisation_id", "screening_id"],
                set_={
                    "inputs_sha256": statement.excluded.inputs_sha256,
                    "content": statement.excluded.content,
                    "judged_at": func.now(),
                },
            )
        )

    def recordings_of_trial(self, *, organisation_id: UUID, trial_id: UUID) -> list[TrialRecording]:
        """Return every recording of a trial that is not purged, oldest first."""
        query = (
            _trial_recordings(organisation_id)
            .where(Trial.id == trial_id)
            .order_by(Recording.created_at, Recording.id)
        )
        return [_trial_recording(row) for row in self._session.execute(query)]

    def standing_trials(
        self, *, organisation_id: UUID, athlete_id: UUID, screening: ScreeningRecord, oldest: date
    ) -> list[TrialRecording]:
        """Return an athlete's analysed standing trials, best first: of this screening, then the newest before it."""
        query = (
            _trial_recordings(organisation_id)
            .where(
                Screening.athlete_id == athlete_id,
                Trial.movement == Movement.STANDING,
                Recording.state == RecordingState.ANALYSED,
                Screening.screened_on.between(oldest, screening.screened_on),
            )
            .order_by(
                (Screening.id == screening.id).desc(),
                Screening.screened_on.desc(),
                Trial.number.desc(),
                Recording.created_at.desc(),
                Recording.id.desc(),
            )
            .limit(20)
        )
        return [_trial_recording(row) for row in self._session.execute(query)]

    def team_values(
        self,
        *,
        organisation_id: UUID,
        team_id: UUID,
        sex: Sex,
        movement: Movement,
        method_version: str,
        fatigued: bool,
    ) -> dict[tuple[str, Side, str], list[float]]:
        """Return, per number, one value for each athlete of a team and sex: the mean of the latest screening.

        Only results of one method version; a fatigued athlete is not put beside fresh ones.
        """
        rows = self._session.execute(
            _TEAM_VALUES,
            {
                "organisation_id": organisation_id,
                "team_id": team_id,
                "sex": sex.value,
                "movement": movement.value,
                "method_version": method_version,
                "fatigued": fatigued,
            },
        )
        found: dict[tuple[str, Side, str], list[float]] = {}
        for row in rows:
            found.setdefault((row.key, Side(row.side), row.event), []).append(row.value)
        return found

    def method_use(self, *, organisation_id: UUID) -> list[MethodUse]:
        """Return which method versions made the organisation's results, the newest in use first."""
        query = (
            select(
                Analysis.method_version,
                func.count().label("n"),
                func.min(Analysis.created_at).label("first_at"),
                func.max(Analysis.created_at).label("last_at"),
            )
            .where(Analysis.organisation_id == organisation_id)
            .group_by(Analysis.method_version)
            .order_by(func.max(Analysis.created_at).desc())
        )
        return [
            MethodUse(
                method_version=row.method_version,
                n_analyses=row.n,
                first_at=row.first_at,
                last_at=row.last_at,
            )
            for row in self._session.execute(query)
        ]


def _screenings(organisation_id: UUID) -> Select[Screening]:
    return select(Screening).where(Screening.organisation_id == organisation_id)


def _conditions(organisation_id: UUID, wanted: ScreeningFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.athlete_id is not None:
        yield Screening.athlete_id == wanted.athlete_id
    if wanted.team_id is not None:
        yield Screening.athlete_id.in_(
            select(TeamMember.athlete_id).where(
                TeamMember.organisation_id == organisation_id, TeamMember.team_id == wanted.team_id
            )
        )
    if wanted.context is not None:
        yield Screening.context == wanted.context
    if wanted.screened_from is not None:
        yield Screening.screened_on >= wanted.screened_from
    if wanted.screened_to is not None:
        yield Screening.screened_on <= wanted.screened_to


def _record(row: Screening) -> ScreeningRecord:
    return ScreeningRecord(**{name: getattr(row, name) for name in ScreeningRecord.__dataclass_fields__})


def _trial_recordings(
    organisation_id: UUID,
) -> Select[UUID, date, UUID, int, Movement, UUID, View, float | None, RecordingState, int, UUID | None]:
    latest = (
        select(Analysis.id)
        .where(Analysis.organisation_id == organisation_id, Analysis.recording_id == Recording.id)
        .order_by(Analysis.run.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            Trial.screening_id,
            Screening.screened_on,
            Trial.id.label("trial_id"),
            Trial.number,
            Trial.movement,
            Recording.id.label("recording_id"),
            Recording.view,
            Recording.box_height_cm,
            Recording.state,
            Recording.withheld,
            latest.label("analysis_id"),
        )
        .join(
            Recording,
            (Recording.organisation_id == Trial.organisation_id) & (Recording.trial_id == Trial.id),
        )
        .join(
            Screening,
            (Screening.organisation_id == Trial.organisation_id) & (Screening.id == Trial.screening_id),
        )
        .where(Trial.organisation_id == organisation_id, Recording.state != RecordingState.PURGED)
    )


def _trial_recording(row: Any) -> TrialRecording:
    return TrialRecording(**{name: getattr(row, name) for name in TrialRecording.__dataclass_fields__})


_TEAM_VALUES = text(
    """
WITH result AS (
    SELECT DISTINCT ON (r.id) r.athlete_id, s.id AS screening_id, s.screened_on, n.id AS analysis_id,
           n.verdict, n.method_version
      FROM team_member m
      JOIN athlete a ON a.organisation_id = m.organisation_id AND a.id = m.athlete_id AND a.sex = :sex
      JOIN screening s ON s.organisation_id = m.organisation_id AND s.athlete_id = m.athlete_id
                      AND (s.context = 'fatigued') = :fatigued
      JOIN trial t ON t.organisation_id = m.organisation_id AND t.screening_id = s.id AND t.movement = :movement
      JOIN recording r ON r.organisation_id = m.organisation_id AND r.trial_id = t.id AND r.state <> 'purged'
      JOIN analysis n ON n.organisation_id = m.organisation_id AND n.recording_id = r.id
     WHERE m.organisation_id = :organisation_id AND m.team_id = :team_id
     ORDER BY r.id, n.run DESC
), usable AS (
    SELECT * FROM result WHERE verdict <> 'invalid' AND method_version = :method_version
), latest AS (
    SELECT DISTINCT ON (athlete_id) athlete_id, screening_id
      FROM usable ORDER BY athlete_id, screened_on DESC, screening_id DESC
)
SELECT x.key, x.side, x.event, avg(x.value) AS value
  FROM latest
  JOIN usable USING (athlete_id, screening_id)
  JOIN metric x ON x.organisation_id = :organisation_id AND x.analysis_id = usable.analysis_id
               AND x.value IS NOT NULL AND x.repetition IS NULL
 GROUP BY latest.athlete_id, x.key, x.side, x.event
"""
).bindparams(
    bindparam("organisation_id", type_=Uuid()),
    bindparam("team_id", type_=Uuid()),
    bindparam("sex", type_=String()),
    bindparam("movement", type_=String()),
    bindparam("method_version", type_=String()),
    bindparam("fatigued", type_=Boolean()),
)
