"""Exports of one organisation, and the only writer of how far they are."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, false, func, insert, or_, select, text, update

from app.db.engine import TenantSession
from app.db.models import AnalysisFeed, Athlete, AthleteExternalId, ExportJob, Recording
from app.db.repositories.exports import line_conditions
from app.db.types import from_now, new_id
from app.domain.access import COACHES, Permission, Principal
from app.domain.exports import KEPT_FOR, OPEN, ExportFormat, ExportState
from app.domain.lifecycle import RecordingState
from app.domain.metric_export import MetricExportFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class DueExport:
    """An export that needs a worker; found across organisations, so no more than ids."""

    organisation_id: UUID
    export_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """What was written."""

    blob_key: str
    size_bytes: int
    sha256: str
    n_rows: int
    athlete_ids: Collection[UUID]
    recording_ids: Collection[UUID]


class ExportJobRepository:
    """Exports of one organisation, and the only writer of how far they are."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def add(self, *, file_format: ExportFormat, wanted: dict[str, Any], actor: Principal) -> UUID:
        """Insert an export that waits for a worker."""
        export_id = new_id()
        values = {
            "id": export_id,
            "organisation_id": actor.organisation_id,
            "format": file_format,
            "wanted": wanted,
            "state": ExportState.QUEUED,
            "sent_at": func.now(),
            "role": actor.role,
            "scopes": None if actor.scopes is None else sorted(scope.value for scope in actor.scopes),
            "limited_to": actor.limited_to,
            "actor_user_id": actor.user_id,
            "actor_api_key_id": actor.api_key_id,
        }
        self._session.execute(insert(ExportJob).values(values))
        return export_id

    def n_open(self, *, organisation_id: UUID) -> int:
        """Return how many wait or are being made."""
        query = select(func.count()).where(
            ExportJob.organisation_id == organisation_id, ExportJob.state.in_(OPEN)
        )
        return int(self._session.scalar(query) or 0)

    def list_newest(self, *, principal: Principal, before: UUID | None, limit: int) -> list[ExportJob]:
        """Return exports this principal may have, newest first."""
        query = select(ExportJob).where(*_may_have(principal))
        if before is not None:
            query = query.where(ExportJob.id < before)
        query = query.order_by(ExportJob.id.desc()).limit(limit)
        return [*self._session.scalars(query.execution_options(populate_existing=True))]

    def find_for(self, *, principal: Principal, export_id: UUID) -> ExportJob | None:
        """Return an export if this principal may have it."""
        query = select(ExportJob).where(*_may_have(principal), ExportJob.id == export_id)
        return self._session.scalars(query.execution_options(populate_existing=True)).one_or_none()

    def find(self, *, organisation_id: UUID, export_id: UUID) -> ExportJob | None:
        """Return an export, for the service itself."""
        query = select(ExportJob).where(
            ExportJob.organisation_id == organisation_id, ExportJob.id == export_id
        )
        return self._session.scalars(query.execution_options(populate_existing=True)).one_or_none()

    def claim(self, *, export_id: UUID, lease_s: float) -> UUID | None:
        """Begin an attempt and return what holds it, or None: taken, ended, unknown."""
        token = new_id()
        free = ExportJob.lease_until.is_(None) | (ExportJob.lease_until < func.now())
        is_ours = self._write(
            (ExportJob.id == export_id, ExportJob.state.in_(OPEN), free),
            {
                "state": ExportState.WORKING, "lease_token": token, "lease_until": from_now(lease_s),
                "attempt": ExportJob.attempt + 1, "n_done": 0,
            },
        )  # fmt: skip
        return token if is_ours else None

    def renew(
        self, *, export_id: UUID, token: UUID, lease_s: float, n_done: int, n_analyses: int | None = None
    ) -> bool:
        """Show how far it is and keep it; False when it is no longer ours."""
        values: dict[str, Any] = {"lease_until": from_now(lease_s), "n_done": n_done}
        if n_analyses is not None:
            values["n_analyses"] = n_analyses
        return self._write(_held(export_id, token), values)

    def finish(self, *, export_id: UUID, token: UUID, file: ExportFile) -> bool:
        """Make the file available; False when it is no longer ours."""
        return self._write(
            _held(export_id, token),
            {
                "state": ExportState.READY, "blob_key": file.blob_key, "size_bytes": file.size_bytes,
                "sha256": file.sha256, "n_rows": file.n_rows, "finished_at": func.now(),
                "expires_at": from_now(KEPT_FOR.total_seconds()), "n_done": ExportJob.n_analyses,
                "holds_athletes": sorted(file.athlete_ids), "holds_recordings": sorted(file.recording_ids),
                "lease_token": None, "lease_until": None,
            },
        )  # fmt: skip

    def put_back(self, *, export_id: UUID, token: UUID) -> bool:
        """Have it tried again; the sweep sends its job."""
        return self._write(
            _held(export_id, token),
            {"state": ExportState.QUEUED, "lease_token": None, "lease_until": None, "sent_at": func.now()},
        )

    def give_up(self, *, export_id: UUID, token: UUID) -> bool:
        """End it without a file."""
        return self._write(
            _held(export_id, token),
            {
                "state": ExportState.FAILED, "finished_at": func.now(), "lease_token": None,
                "lease_until": None,
            },
        )  # fmt: skip

    def end(self, *, export_id: UUID, from_state: ExportState, to_state: ExportState) -> bool:
        """Take the file away, or call the work off; False when it is not there any more."""
        return self._write(
            (ExportJob.id == export_id, ExportJob.state == from_state),
            {"state": to_state, "lease_token": None, "lease_until": None},
        )

    def expire(self, *, export_id: UUID) -> bool:
        """End one whose file has been kept long enough; False when it has not."""
        return self._write(
            (
                ExportJob.id == export_id,
                ExportJob.state == ExportState.READY,
                ExportJob.expires_at < func.now(),
            ),
            {"state": ExportState.EXPIRED},
        )

    def note_file_gone(self, *, export_id: UUID) -> None:
        """Note that the file is deleted, and with it who was in it."""
        self._write(
            (ExportJob.id == export_id,), {"blob_key": None, "holds_athletes": None, "holds_recordings": None}
        )

    def note_sent(self, *, export_id: UUID) -> None:
        """Note that a job is sent for it again."""
        self._write((ExportJob.id == export_id,), {"sent_at": func.now()})

    def hold(self, *, organisation_id: UUID) -> None:
        """Let nobody else finish or withdraw an export of the organisation until this transaction ends."""
        self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('exports:' || :id, 0))"),
            {"id": str(organisation_id)},
        )

    def withdraw(
        self,
        *,
        organisation_id: UUID,
        athlete_ids: Collection[UUID] = (),
        recording_ids: Collection[UUID] = (),
    ) -> int:
        """Take every file away in which these are, at once, and return how many; the sweep deletes them."""
        self.hold(organisation_id=organisation_id)
        holds: list[ColumnElement[bool]] = [false()]
        if athlete_ids:
            holds.append(ExportJob.holds_athletes.overlap(list(athlete_ids)))
        if recording_ids:
            holds.append(ExportJob.holds_recordings.overlap(list(recording_ids)))
        withdrawn = self._session.scalars(
            update(ExportJob)
            .where(
                ExportJob.organisation_id == organisation_id,
                ExportJob.state == ExportState.READY,
                or_(*holds),
            )
            .values({"state": ExportState.WITHDRAWN, "updated_at": func.now()})
            .returning(ExportJob.id)
            .execution_options(synchronize_session=False)
        )
        return len(withdrawn.all())

    def withdrawn_files(self, *, organisation_id: UUID) -> dict[UUID, str]:
        """Return the files that were taken away and are not deleted yet."""
        rows = self._session.execute(
            select(ExportJob.id, ExportJob.blob_key).where(
                ExportJob.organisation_id == organisation_id,
                ExportJob.state == ExportState.WITHDRAWN,
                ExportJob.blob_key.is_not(None),
            )
        )
        return {row.id: row.blob_key for row in rows}

    def is_still_allowed(
        self,
        *,
        organisation_id: UUID,
        athlete_ids: Collection[UUID],
        recording_ids: Collection[UUID],
        sees_withheld: int,
    ) -> bool:
        """Say whether everybody in a file is there, and may be shown, still; the caller holds the organisation."""
        n_athletes = self._session.scalar(
            select(func.count()).where(
                Athlete.organisation_id == organisation_id, Athlete.id.in_(list(athlete_ids))
            )
        )
        n_recordings = self._session.scalar(
            select(func.count()).where(
                Recording.organisation_id == organisation_id,
                Recording.id.in_(list(recording_ids)),
                Recording.withheld <= sees_withheld,
                Recording.state != RecordingState.PURGED,
            )
        )
        return (n_athletes, n_recordings) == (len(athlete_ids), len(recording_ids))

    def n_lines(self, *, organisation_id: UUID, wanted: MetricExportFilter) -> int:
        """Return about how many analyses are to be read."""
        query = select(func.count(AnalysisFeed.analysis_id)).where(
            *line_conditions(organisation_id=organisation_id, wanted=wanted)
        )
        return int(self._session.scalar(query) or 0)

    def ids_in(self, *, organisation_id: UUID, system: str) -> dict[UUID, str]:
        """Return what each athlete is called in another system."""
        query = select(AthleteExternalId.athlete_id, AthleteExternalId.value).where(
            AthleteExternalId.organisation_id == organisation_id,
            AthleteExternalId.system == system,
            AthleteExternalId.inherited.is_(False),
        )
        return {row.athlete_id: row.value for row in self._session.execute(query)}

    def find_due(self, *, resend_after_s: float, limit: int) -> list[DueExport]:
        """Return exports that need a worker, of every organisation."""
        rows = self._session.execute(
            text(
                "SELECT organisation_id, export_id FROM due_exports(CAST(:resend_after_s AS float8), :max_rows)"
            ),
            {"resend_after_s": resend_after_s, "max_rows": limit},
        )
        return [DueExport(organisation_id=row.organisation_id, export_id=row.export_id) for row in rows]

    def forget(self, *, organisation_id: UUID, older_than_s: float) -> None:
        """Forget that there were exports whose files are long gone."""
        self._session.execute(
            delete(ExportJob)
            .where(
                ExportJob.organisation_id == organisation_id,
                ExportJob.blob_key.is_(None),
                ExportJob.state.not_in(OPEN),
                ExportJob.created_at <= from_now(-older_than_s),
            )
            .execution_options(synchronize_session=False)
        )

    def _write(self, conditions: tuple[ColumnElement[bool], ...], values: dict[str, Any]) -> bool:
        found = self._session.scalar(
            update(ExportJob)
            .where(self._session.own(ExportJob), *conditions)
            .values({**values, "updated_at": func.now()})
            .returning(ExportJob.id)
            .execution_options(synchronize_session=False)
        )
        return found is not None


def _held(export_id: UUID, token: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        ExportJob.id == export_id,
        ExportJob.state == ExportState.WORKING,
        ExportJob.lease_token == token,
    )


def _may_have(principal: Principal) -> list[ColumnElement[bool]]:
    """Return who may have a file: whoever asked for it, and whoever sees everything that can be in it.

    A coach never gets one that was made for somebody who sees more, be it their own of earlier days; and nobody whose
    view is limited gets another's.
    """
    conditions: list[ColumnElement[bool]] = [ExportJob.organisation_id == principal.organisation_id]
    column, who = (
        (ExportJob.actor_user_id, principal.user_id)
        if principal.user_id is not None
        else (ExportJob.actor_api_key_id, principal.api_key_id)
    )
    is_own = false() if who is None else column == who
    if principal.is_coach:
        conditions.append(ExportJob.role.in_(COACHES))
    if principal.limited_to is not None or not principal.may(Permission.ROSTER_READ):
        conditions.append(is_own)
    return conditions
