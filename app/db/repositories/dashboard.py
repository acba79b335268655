"""The team dashboard: one query, however many recordings an athlete has.

Each athlete costs two look-ups in an index (the latest recording, the latest result); nothing grows
with the history, nor with the organisation or the service: a latest analysis is found before its score is. The sort key is a number, turned round for a descending list, so that the order is
always: those with a value, by key, then by name, then by id. `NAME` alone sorts by text.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session
from sqlalchemy.types import Boolean, Double, String, Uuid

from app.biomech.types import Sex, Verdict
from app.domain.attention import MARKED_FROM, SOME_FROM
from app.domain.lifecycle import RecordingState, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardKey:
    """Where a dashboard goes on: the last row's place in the order."""

    missing: bool
    number: float
    name: str
    athlete_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardQuery:
    """What is asked of the dashboard."""

    organisation_id: UUID
    team_id: UUID
    sort: str
    descending: bool
    after: DashboardKey | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardRecord:
    """One athlete of the page, and the place in the order."""

    key: DashboardKey
    athlete_id: UUID
    name: str
    external_id: str | None
    sex: Sex
    stature_cm: float | None
    flagged: bool
    recording_id: UUID | None
    state: RecordingState | None
    stage: Stage | None
    progress: float | None
    recorded_at: datetime | None
    result_recording_id: UUID | None
    result_at: datetime | None
    screened_on: date | None
    verdict: Verdict | None
    score: float | None
    band: str | None
    band_probability: float | None
    coverage: float | None
    scope: str | None
    interval_90: tuple[float, float] | None
    fppa_both_deg: float | None
    fppa_both_se_deg: float | None
    queue_position: int | None
    finding_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardResult:
    """A page, and the counts of the whole team."""

    records: tuple[DashboardRecord, ...]
    n_athletes: int
    n_screened: int
    n_flagged: int
    n_film_again: int
    n_in_progress: int
    n_not_filmed: int


_SQL = """
WITH member AS (
    SELECT a.id, a.name, a.external_id, a.sex, a.stature_cm, a.name_key
      FROM team_member m
      JOIN athlete a ON a.organisation_id = m.organisation_id AND a.id = m.athlete_id
     WHERE m.organisation_id = :organisation_id AND m.team_id = :team_id
), board AS (
    SELECT member.*, latest.recording_id, latest.state, latest.stage, latest.progress, latest.recorded_at,
           result.result_recording_id, result.analysis_id, result.result_at, result.screened_on, result.verdict,
           result.score, result.band, result.band_probability, result.coverage, result.scope,
           result.interval_low, result.interval_high,
           CASE WHEN latest.recording_id IS NULL THEN 5
                WHEN result.verdict <> 'invalid' AND result.score >= :marked_from THEN 0
                WHEN latest.state IN ('rejected', 'failed') OR result.verdict = 'invalid' THEN 1
                WHEN result.verdict = 'attention' OR result.score >= :some_from THEN 2
                WHEN result.analysis_id IS NOT NULL THEN 3
                ELSE 4 END AS rank
      FROM member
      LEFT JOIN LATERAL (
          SELECT r.id AS recording_id, r.state, r.stage, r.progress, r.created_at AS recorded_at
            FROM recording r
           WHERE r.organisation_id = :organisation_id AND r.athlete_id = member.id AND r.state <> 'purged'
             AND r.dropped_at IS NULL
           ORDER BY r.created_at DESC, r.id DESC LIMIT 1
      ) latest ON true
      LEFT JOIN LATERAL (
          SELECT r.id AS result_recording_id, r.screened_on, n.id AS analysis_id, n.created_at AS result_at,
                 n.verdict, s.value AS score, s.band, s.band_probability, s.coverage, s.scope,
                 s.interval_90_low AS interval_low, s.interval_90_high AS interval_high
            FROM recording r
            JOIN LATERAL (
                SELECT each_run.id, each_run.created_at, each_run.verdict
                  FROM analysis each_run
                 WHERE each_run.organisation_id = :organisation_id AND each_run.recording_id = r.id
                 ORDER BY each_run.run DESC LIMIT 1
            ) n ON true
            LEFT JOIN assessment s ON s.organisation_id = :organisation_id AND s.analysis_id = n.id
           WHERE r.organisation_id = :organisation_id AND r.athlete_id = member.id AND r.state <> 'purged'
             AND r.dropped_at IS NULL
           ORDER BY r.screened_on DESC, r.created_at DESC, r.id DESC LIMIT 1
      ) result ON true
), keyed AS (
    SELECT board.*, :sign * (CASE :sort
               WHEN 'attention' THEN rank * 1000 - coalesce(score, 0)
               WHEN 'score' THEN score
               WHEN 'date' THEN extract(epoch FROM recorded_at)::float8
               WHEN 'band' THEN (score >= :some_from)::int + (score >= :marked_from)::int
               WHEN 'verdict' THEN CASE verdict WHEN 'invalid' THEN 0 WHEN 'attention' THEN 1 WHEN 'valid' THEN 2 END
               ELSE 0 END)::float8 AS number_key
      FROM board
), page AS (
    SELECT keyed.*, row_number() OVER (
               ORDER BY number_key IS NULL, number_key,
                        CASE WHEN :by_name_descending THEN name_key END DESC, name_key, id) AS place
      FROM keyed
     WHERE CASE
               WHEN NOT :continues THEN true
               WHEN (number_key IS NULL) <> :after_missing THEN number_key IS NULL
               WHEN number_key <> :after_number THEN number_key > :after_number
               WHEN name_key <> :after_name THEN (name_key > :after_name) <> :by_name_descending
               ELSE id > :after_id
           END
     ORDER BY place LIMIT :limit
), counts AS (
    SELECT count(*) AS n_athletes,
           count(*) FILTER (WHERE verdict <> 'invalid') AS n_screened,
           count(*) FILTER (WHERE rank <= 1) AS n_flagged,
           count(*) FILTER (WHERE state IN ('rejected', 'failed') OR verdict = 'invalid') AS n_film_again,
           count(*) FILTER (WHERE state IN ('awaiting_upload', 'received', 'awaiting_consent', 'queued', 'processing')) AS n_in_progress,
           count(*) FILTER (WHERE recording_id IS NULL) AS n_not_filmed
      FROM board
)
SELECT counts.*, page.*, fppa.value AS fppa_both_deg, fppa.se AS fppa_both_se_deg,
       CASE WHEN page.state = 'queued' THEN queue_position(page.recording_id) END AS queue_position,
       ARRAY(SELECT f.code FROM finding f
              WHERE f.organisation_id = :organisation_id AND f.analysis_id = page.analysis_id
                AND f.severity <> 'info' ORDER BY f.position) AS finding_codes
  FROM counts
  LEFT JOIN page ON true
  LEFT JOIN LATERAL (
      SELECT m.value, m.se FROM metric m
       WHERE m.organisation_id = :organisation_id AND m.analysis_id = page.analysis_id
         AND m.key = 'fppa' AND m.side = 'both' AND m.event = 'peak_knee_flexion'
         AND m.repetition IS NULL
       ORDER BY m.position LIMIT 1
  ) fppa ON true
 ORDER BY page.place
"""

_STATEMENT = text(_SQL).bindparams(
    bindparam("organisation_id", type_=Uuid()),
    bindparam("team_id", type_=Uuid()),
    bindparam("after_id", type_=Uuid()),
    bindparam("sort", type_=String()),
    bindparam("after_name", type_=String()),
    bindparam("sign", type_=Double()),
    bindparam("after_number", type_=Double()),
    bindparam("marked_from", value=MARKED_FROM, type_=Double()),
    bindparam("some_from", value=SOME_FROM, type_=Double()),
    bindparam("by_name_descending", type_=Boolean()),
    bindparam("continues", type_=Boolean()),
    bindparam("after_missing", type_=Boolean()),
)


def read_dashboard(session: Session, query: DashboardQuery) -> DashboardResult:
    """Run the query."""
    after = query.after
    rows = session.execute(
        _STATEMENT,
        {
            "organisation_id": query.organisation_id,
            "team_id": query.team_id,
            "sort": query.sort,
            "sign": -1.0 if query.descending else 1.0,
            "by_name_descending": query.sort == "name" and query.descending,
            "continues": after is not None,
            "after_missing": False if after is None else after.missing,
            "after_number": 0.0 if after is None else after.number,
            "after_name": "" if after is None else after.name,
            "after_id": None if after is None else after.athlete_id,
            "limit": query.limit,
        },
    ).all()
    first = rows[0]
    return DashboardResult(
        records=tuple(_record(row) for row in rows if row.id is not None),
        n_athletes=first.n_athletes,
        n_screened=first.n_screened,
        n_flagged=first.n_flagged,
        n_film_again=first.n_film_again,
        n_in_progress=first.n_in_progress,
        n_not_filmed=first.n_not_filmed,
    )


def _record(row: Any) -> DashboardRecord:
    return DashboardRecord(
        key=DashboardKey(
            missing=row.number_key is None,
            number=0.0 if row.number_key is None else row.number_key,
            name=row.name_key,
            athlete_id=row.id,
        ),
        athlete_id=row.id,
        name=row.name,
        external_id=row.external_id,
        sex=Sex(row.sex),
        stature_cm=row.stature_cm,
        flagged=row.rank <= 1,
        recording_id=row.recording_id,
        state=None if row.state is None else RecordingState(row.state),
        stage=None if row.stage is None else Stage(row.stage),
        progress=row.progress,
        recorded_at=row.recorded_at,
        result_recording_id=row.result_recording_id,
        result_at=row.result_at,
        screened_on=row.screened_on,
        verdict=None if row.verdict is None else Verdict(row.verdict),
        score=row.score,
        band=row.band,
        band_probability=row.band_probability,
        coverage=row.coverage,
        scope=row.scope,
        interval_90=None if row.interval_low is None else (row.interval_low, row.interval_high),
        fppa_both_deg=row.fppa_both_deg,
        fppa_both_se_deg=row.fppa_both_se_deg,
        queue_position=row.queue_position,
        finding_codes=tuple(row.finding_codes),
    )
