"""Judging a team's recordings anew with a new version of the method: start, look, accept or cancel.

Every function takes an entered `UnitOfWork` made for the principal. The work itself is done by the workers, in
`app.services.run_reanalysis`.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.biomech.types import MethodStamp
from app.db.models import Reanalysis
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.audit import Act
from app.domain.errors import IdempotencyConflictError, NotFoundError
from app.domain.reanalysis import ItemState, ReanalysisState, ReanalysisStep
from app.services.cursors import check_limit, decode_cursor, encode_cursor, id_part, split_page
from app.services.read_models import Page
from app.services.reanalysis_figures import ReanalysisPreview, preview_of
from app.services.run_reanalysis import reanalysis_job
from app.storage.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ReanalysisSummary:
    """One re-analysis, as lists show it."""

    id: UUID
    team_id: UUID | None
    state: ReanalysisState
    method_version: str
    n_current: int
    """Recordings that were of this version already."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReanalysisView:
    """One re-analysis, with what it would change."""

    summary: ReanalysisSummary
    preview: ReanalysisPreview
    replayed: bool = False
    """True when the same Idempotency-Key had already started it."""


def start_reanalysis(
    *,
    uow: UnitOfWork,
    principal: Principal,
    method: MethodStamp,
    team_id: UUID | None,
    idempotency_key: str | None = None,
) -> ReanalysisView:
    """Have every recording of a team, or of the organisation, judged with the present version; nothing is changed yet.

    Raises `NotFoundError` (no such team) and `StaleStateError` (another re-analysis is open).
    """
    principal.require(Permission.ROSTER_WRITE)  # it is about everybody, so not for limited members
    organisation_id = principal.organisation_id
    if team_id is not None and not uow.roster.hold_team(organisation_id=organisation_id, team_id=team_id):
        raise NotFoundError("There is no such team.", how_to_fix="Choose one of your own teams.")
    uow.reanalyses.hold(organisation_id=organisation_id)
    if idempotency_key is not None:
        earlier = uow.reanalyses.find_by_key(organisation_id=organisation_id, idempotency_key=idempotency_key)
        if earlier is not None:
            return _replay(uow, earlier, team_id=team_id)
    reanalysis_id = uow.reanalyses.add(
        team_id=team_id, method=method, idempotency_key=idempotency_key, actor=principal
    )
    uow.audit.record(
        actor=principal,
        act=Act.REANALYSIS_STARTED,
        object_id=reanalysis_id,
        method_version=method.version,
    )
    uow.defer(reanalysis_job(reanalysis_id=reanalysis_id, organisation_id=organisation_id))
    return _view(uow, _find(uow, principal, reanalysis_id))


def get_reanalysis(*, uow: UnitOfWork, principal: Principal, reanalysis_id: UUID) -> ReanalysisView:
    """Return a re-analysis with what it would change, or raise `NotFoundError`."""
    principal.require(Permission.RESULTS_READ)
    return _view(uow, _find(uow, principal, reanalysis_id))


def list_reanalyses(
    *, uow: UnitOfWork, principal: Principal, cursor: str | None = None, limit: int = 50
) -> Page[ReanalysisSummary]:
    """List re-analyses, newest first."""
    principal.require(Permission.RESULTS_READ)
    rows = uow.reanalyses.list_newest(
        organisation_id=principal.organisation_id,
        before=None if cursor is None else decode_cursor(cursor, id_part)[0],
        limit=check_limit(limit) + 1,
    )
    page, more = split_page(rows, limit=limit)
    return Page(
        items=tuple(_summary(row) for row in page),
        next_cursor=encode_cursor(page[-1].id) if more else None,
    )


def accept_reanalysis(*, uow: UnitOfWork, principal: Principal, reanalysis_id: UUID) -> ReanalysisView:
    """Have the new analyses put in place; the old ones stay. Accepted already: the same answer again.

    Raises `StaleStateError` until the preview is whole.
    """
    return _step(uow, principal, reanalysis_id, step=ReanalysisStep.ACCEPT)


def cancel_reanalysis(
    *, uow: UnitOfWork, blobs: BlobStore, principal: Principal, reanalysis_id: UUID
) -> ReanalysisView:
    """Call it off; what had been accepted by then stays. Cancelled already: the same answer again."""
    view = _step(uow, principal, reanalysis_id, step=ReanalysisStep.CANCEL)
    for record in uow.reanalyses.items(
        organisation_id=principal.organisation_id, reanalysis_id=reanalysis_id
    ):
        if record.item.track_key is not None and record.item.state is not ItemState.ACCEPTED:
            blobs.delete(record.item.track_key)  # read for the preview alone
    return view


_ACTS = {
    ReanalysisStep.ACCEPT: Act.REANALYSIS_ACCEPTED,
    ReanalysisStep.CANCEL: Act.REANALYSIS_CANCELLED,
}
_TAKEN = {
    ReanalysisStep.ACCEPT: frozenset({ReanalysisState.ACCEPTING, ReanalysisState.DONE}),
    ReanalysisStep.CANCEL: frozenset({ReanalysisState.CANCELLED}),
}
"""Where a re-analysis is once a step was taken."""


def _step(
    uow: UnitOfWork, principal: Principal, reanalysis_id: UUID, *, step: ReanalysisStep
) -> ReanalysisView:
    principal.require(Permission.ROSTER_WRITE)  # it is about everybody, so not for limited members
    found = _find(uow, principal, reanalysis_id)
    if found.state in _TAKEN[step]:
        return _view(uow, found)
    uow.reanalyses.step(reanalysis_id, state=found.state, step=step)
    uow.audit.record(actor=principal, act=_ACTS[step], object_id=reanalysis_id)
    if step is ReanalysisStep.ACCEPT:
        uow.defer(reanalysis_job(reanalysis_id=reanalysis_id, organisation_id=principal.organisation_id))
    return _view(uow, _find(uow, principal, reanalysis_id))


def _find(uow: UnitOfWork, principal: Principal, reanalysis_id: UUID) -> Reanalysis:
    found = uow.reanalyses.find(organisation_id=principal.organisation_id, reanalysis_id=reanalysis_id)
    if found is None:
        raise NotFoundError(
            "There is no such re-analysis.", how_to_fix="Choose one of those your organisation lists."
        )
    return found


def _replay(uow: UnitOfWork, earlier: Reanalysis, *, team_id: UUID | None) -> ReanalysisView:
    if earlier.team_id != team_id:
        raise IdempotencyConflictError(
            "This Idempotency-Key was already used for another re-analysis.",
            how_to_fix="Use a new key for a new one; repeat a request unchanged.",
        )
    view = _view(uow, earlier)
    return ReanalysisView(summary=view.summary, preview=view.preview, replayed=True)


def _view(uow: UnitOfWork, row: Reanalysis) -> ReanalysisView:
    items = uow.reanalyses.items(organisation_id=row.organisation_id, reanalysis_id=row.id)
    return ReanalysisView(summary=_summary(row), preview=preview_of(items))


def _summary(row: Reanalysis) -> ReanalysisSummary:
    return ReanalysisSummary(
        id=row.id,
        team_id=row.team_id,
        state=row.state,
        method_version=row.method_version,
        n_current=row.n_current,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
