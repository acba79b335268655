"""Analyses of one organisation's recordings: added whole, read whole, never changed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, delete, exists, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from app.biomech import types as bio
from app.db.base import Base
from app.db.models import (
    Analysis,
    AnalysisCorrection,
    AnalysisEvent,
    AnalysisPictures,
    Assessment,
    AssessmentComponent,
    Finding,
    FlaggedFrame,
    Metric,
)
from app.db.repositories.recordings import Claim
from app.db.types import new_id
from app.domain.lifecycle import AnalysisOrigin, PicturesState

M = TypeVar("M", AnalysisEvent, Metric, Finding, FlaggedFrame)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisContent:
    """Everything an analysis says."""

    verdict: bio.Verdict
    findings: tuple[bio.QualityFinding, ...]
    video: bio.VideoInfo | None
    method: bio.MethodStamp
    events: tuple[bio.Event, ...]
    metrics: tuple[bio.Metric, ...]
    risk_score: bio.RiskScore | None
    flagged_frames: tuple[bio.FlaggedFrame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisFiles:
    """Where its files lie in the blob store."""

    track_key: str | None = None
    source_track_key: str | None = None
    """The track as it was read, where `track_key` is one that was put right."""
    kinematics_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPictures:
    """How far the pictures are, and where they lie in the blob store."""

    state: PicturesState
    overlay_key: str | None
    still_keys: dict[int, str]
    """By frame."""
    blurred: bool = False
    """Whether faces are hidden in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """How an analysis came about."""

    origin: AnalysisOrigin = AnalysisOrigin.VIDEO
    supersedes_id: UUID | None = None
    pick_id: UUID | None = None
    """The correction by which the athlete of its track was picked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnalysis:
    """An analysis as it was recorded."""

    id: UUID
    recording_id: UUID
    run: int
    created_at: datetime
    content: AnalysisContent
    files: AnalysisFiles
    pictures: StoredPictures | None
    """None when there is nothing to draw."""
    lineage: Lineage


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedAnalysis:
    """An analysis that this unit of work adds."""

    analysis_id: UUID
    recording_id: UUID
    run: int
    origin: AnalysisOrigin
    supersedes_id: UUID | None
    verdict: bio.Verdict


class AnalysisRepository:
    """Analyses of one organisation's recordings: added whole, read whole, never changed."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session
        self.added: list[AddedAnalysis] = []
        """Every analysis added in this unit of work, for whoever is to be told."""

    def add(
        self,
        *,
        organisation_id: UUID,
        analysis_id: UUID,
        claim: Claim,
        input_sha256: str,
        content: AnalysisContent,
        files: AnalysisFiles,
        lineage: Lineage | None = None,
    ) -> None:
        """Insert an analysis with all that belongs to it."""
        self._session.execute(
            insert(Analysis).values(
                id=analysis_id,
                organisation_id=organisation_id,
                recording_id=claim.recording_id,
                run=claim.run,
                lease_token=claim.lease_token,
                verdict=content.verdict,
                method_version=content.method.version,
                model_sha256=content.method.model_sha256,
                code_version=content.method.code_version,
                input_sha256=input_sha256,
                track_key=files.track_key,
                source_track_key=files.source_track_key,
                kinematics_key=files.kinematics_key,
                **_fields(lineage or Lineage()),
                **_video_columns(content.video),
            )
        )
        owner = {"organisation_id": organisation_id, "analysis_id": analysis_id}
        self._add_rows(AnalysisEvent, content.events, owner)
        self._add_rows(Metric, content.metrics, owner)
        self._add_rows(Finding, content.findings, owner)
        self._add_rows(FlaggedFrame, content.flagged_frames, owner)
        if content.risk_score is not None:
            self._add_assessment(content.risk_score, owner)
        made_by = lineage or Lineage()
        self.added.append(
            AddedAnalysis(
                analysis_id=analysis_id,
                recording_id=claim.recording_id,
                run=claim.run,
                origin=made_by.origin,
                supersedes_id=made_by.supersedes_id,
                verdict=content.verdict,
            )
        )

    def delete_of(self, *, organisation_id: UUID, recording_id: UUID) -> None:
        """Remove every analysis of a recording that is purged, with all that belongs to it."""
        self._session.execute(
            delete(Analysis)
            .where(Analysis.organisation_id == organisation_id, Analysis.recording_id == recording_id)
            .execution_options(synchronize_session=False)
        )

    def latest(self, *, organisation_id: UUID, recording_id: UUID) -> StoredAnalysis | None:
        """Return a recording's newest analysis, or None."""
        found = self.list_newest(
            organisation_id=organisation_id, recording_id=recording_id, before=None, limit=1
        )
        return found[0] if found else None

    def latest_id(self, *, organisation_id: UUID, recording_id: UUID) -> UUID | None:
        """Return which a recording's newest analysis is, or None."""
        found: UUID | None = self._session.scalar(
            select(Analysis.id)
            .where(Analysis.organisation_id == organisation_id, Analysis.recording_id == recording_id)
            .order_by(Analysis.run.desc())
            .limit(1)
        )
        return found

    def list_newest(
        self, *, organisation_id: UUID, recording_id: UUID, before: int | None, limit: int
    ) -> list[StoredAnalysis]:
        """Return a recording's analyses, newest run first, six queries however many there are."""
        query = _with_pictures().where(
            Analysis.organisation_id == organisation_id, Analysis.recording_id == recording_id
        )
        if before is not None:
            query = query.where(Analysis.run < before)
        rows = self._session.execute(query.order_by(Analysis.run.desc()).limit(limit)).all()
        return self._whole(organisation_id, [(row[0], row[1]) for row in rows])

    def latest_of(
        self, *, organisation_id: UUID, recording_ids: Collection[UUID]
    ) -> dict[UUID, StoredAnalysis]:
        """Return the newest analysis of each of these recordings, by recording; those without one are left out."""
        query = (
            _with_pictures()
            .where(Analysis.organisation_id == organisation_id, Analysis.recording_id.in_(recording_ids))
            .ext(postgresql.distinct_on(Analysis.recording_id))
            .order_by(Analysis.recording_id, Analysis.run.desc())
        )
        rows = self._session.execute(query).all()
        whole = self._whole(organisation_id, [(row[0], row[1]) for row in rows])
        return {stored.recording_id: stored for stored in whole}

    def is_known(self, *, organisation_id: UUID, analysis_id: UUID) -> bool:
        """Say whether there is such an analysis."""
        query = select(Analysis.id).where(
            Analysis.organisation_id == organisation_id, Analysis.id == analysis_id
        )
        return self._session.scalar(query) is not None

    def find(self, *, organisation_id: UUID, analysis_id: UUID) -> StoredAnalysis | None:
        """Return one analysis, or None."""
        query = _with_pictures().where(
            Analysis.organisation_id == organisation_id, Analysis.id == analysis_id
        )
        row = self._session.execute(query).one_or_none()
        return None if row is None else self._whole(organisation_id, [(row[0], row[1])])[0]

    def find_tracked(
        self, *, organisation_id: UUID, recording_id: UUID, pick_id: UUID | None
    ) -> StoredAnalysis | None:
        """Return the newest analysis whose stored track follows this athlete, or None."""
        query = (
            _with_pictures()
            .where(
                Analysis.organisation_id == organisation_id,
                Analysis.recording_id == recording_id,
                Analysis.pick_id.is_not_distinct_from(pick_id),
                Analysis.track_key.is_not(None),
            )
            .order_by(Analysis.run.desc())
            .limit(1)
        )
        row = self._session.execute(query).one_or_none()
        return None if row is None else self._whole(organisation_id, [(row[0], row[1])])[0]

    def find_automatic(self, *, organisation_id: UUID, stored: StoredAnalysis) -> StoredAnalysis | None:
        """Return the newest analysis up to this one that holds no correction, or None."""
        holds = exists().where(
            AnalysisCorrection.organisation_id == Analysis.organisation_id,
            AnalysisCorrection.analysis_id == Analysis.id,
        )
        query = (
            _with_pictures()
            .where(
                Analysis.organisation_id == organisation_id,
                Analysis.recording_id == stored.recording_id,
                Analysis.run <= stored.run,
                ~holds,
            )
            .order_by(Analysis.run.desc())
            .limit(1)
        )
        row = self._session.execute(query).one_or_none()
        return None if row is None else self._whole(organisation_id, [(row[0], row[1])])[0]

    def _whole(
        self, organisation_id: UUID, rows: Sequence[tuple[Analysis, AnalysisPictures | None]]
    ) -> list[StoredAnalysis]:
        if not rows:
            return []
        ids = [row.id for row, _ in rows]
        events = self._parts(AnalysisEvent, organisation_id, ids)
        metrics = self._parts(Metric, organisation_id, ids)
        findings = self._parts(Finding, organisation_id, ids)
        frames = self._parts(FlaggedFrame, organisation_id, ids)
        scores = self._scores(organisation_id, ids)
        return [
            StoredAnalysis(
                id=row.id,
                recording_id=row.recording_id,
                run=row.run,
                created_at=row.created_at,
                content=AnalysisContent(
                    verdict=row.verdict,
                    findings=tuple(_made(bio.QualityFinding, part) for part in findings[row.id]),
                    video=_video(row),
                    method=bio.MethodStamp(
                        version=row.method_version,
                        model_sha256=row.model_sha256,
                        code_version=row.code_version,
                    ),
                    events=tuple(_made(bio.Event, part) for part in events[row.id]),
                    metrics=tuple(_made(bio.Metric, part) for part in metrics[row.id]),
                    risk_score=scores.get(row.id),
                    flagged_frames=tuple(_made(bio.FlaggedFrame, part) for part in frames[row.id]),
                ),
                files=AnalysisFiles(
                    track_key=row.track_key,
                    source_track_key=row.source_track_key,
                    kinematics_key=row.kinematics_key,
                ),
                pictures=_pictures(pictures),
                lineage=_made(Lineage, row),
            )
            for row, pictures in rows
        ]

    def _parts(self, model: type[M], organisation_id: UUID, ids: list[UUID]) -> dict[UUID, list[M]]:
        parts: dict[UUID, list[M]] = defaultdict(list)
        query = (
            select(model)
            .where(model.organisation_id == organisation_id, model.analysis_id.in_(ids))
            .order_by(model.position)
        )
        for part in self._session.scalars(query):
            parts[part.analysis_id].append(part)
        return parts

    def _scores(self, organisation_id: UUID, ids: list[UUID]) -> dict[UUID, bio.RiskScore]:
        query = (
            select(Assessment, AssessmentComponent)
            .outerjoin(
                AssessmentComponent,
                (AssessmentComponent.organisation_id == Assessment.organisation_id)
                & (AssessmentComponent.assessment_id == Assessment.id),
            )
            .where(Assessment.organisation_id == organisation_id, Assessment.analysis_id.in_(ids))
            .order_by(AssessmentComponent.position)
        )
        components: dict[Assessment, list[bio.ScoreComponent]] = defaultdict(list)
        for row in self._session.execute(query):
            made = components[row.Assessment]
            if row.AssessmentComponent is not None:
                made.append(_made(bio.ScoreComponent, row.AssessmentComponent))
        return {
            assessment.analysis_id: bio.RiskScore(
                value=assessment.value,
                band=assessment.band,
                band_probability=assessment.band_probability,
                interval_90=(assessment.interval_90_low, assessment.interval_90_high),
                coverage=assessment.coverage,
                scope=assessment.scope,
                components=tuple(parts),
            )
            for assessment, parts in components.items()
        }

    def _add_rows(self, model: type[Base], parts: Iterable[object], owner: dict[str, UUID]) -> None:
        rows = [
            {"id": new_id(), "position": position, **owner, **_fields(part)}
            for position, part in enumerate(parts)
        ]
        if rows:
            self._session.execute(insert(model), rows)

    def _add_assessment(self, score: bio.RiskScore, owner: dict[str, UUID]) -> None:
        assessment_id = new_id()
        values = _fields(score)
        components = values.pop("components")
        low, high = values.pop("interval_90")
        self._session.execute(
            insert(Assessment).values(
                id=assessment_id, interval_90_low=low, interval_90_high=high, **owner, **values
            )
        )
        self._add_rows(
            AssessmentComponent,
            components,
            {"organisation_id": owner["organisation_id"], "assessment_id": assessment_id},
        )


def _with_pictures() -> Select[Analysis, AnalysisPictures]:
    return (
        select(Analysis, AnalysisPictures)
        .outerjoin(
            AnalysisPictures,
            (AnalysisPictures.organisation_id == Analysis.organisation_id)
            & (AnalysisPictures.analysis_id == Analysis.id),
        )
        .execution_options(populate_existing=True)
    )


def _pictures(row: AnalysisPictures | None) -> StoredPictures | None:
    if row is None:
        return None
    return StoredPictures(
        state=row.state,
        overlay_key=row.overlay_key,
        still_keys={int(frame): key for frame, key in row.still_keys.items()},
        blurred=row.blurred,
    )


def _fields(item: Any) -> dict[str, Any]:
    """Return a slotted dataclass's fields by name; its columns have the same names."""
    return {name: getattr(item, name) for name in type(item).__dataclass_fields__}


B = TypeVar("B")


def _made(kind: type[B], row: Any) -> B:
    """Return the value a row was made from."""
    return kind(**{name: getattr(row, name) for name in kind.__dataclass_fields__})  # type: ignore[attr-defined]  # every kind is a dataclass


_VIDEO_FIELDS = tuple(name for name in bio.VideoInfo.__dataclass_fields__ if name != "sha256")


def _video_columns(video: bio.VideoInfo | None) -> dict[str, Any]:
    return {f"video_{name}": None if video is None else getattr(video, name) for name in _VIDEO_FIELDS}


def _video(row: Analysis) -> bio.VideoInfo | None:
    if row.video_width_px is None:
        return None
    return bio.VideoInfo(
        sha256=row.input_sha256, **{name: getattr(row, f"video_{name}") for name in _VIDEO_FIELDS}
    )
