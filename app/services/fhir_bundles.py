"""One analysis as the FHIR bundle takes it."""

from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.integrations.fhir import FhirCase, FhirCorrection
from app.services import corrections
from app.services.presenters import no_recording


def get_fhir_case(*, uow: UnitOfWork, principal: Principal, analysis_id: UUID, base_url: str) -> FhirCase:
    """Return an analysis, present or superseded, and whose it is; or raise `NotFoundError`.

    Takes an entered `UnitOfWork` made for the principal. Who may not read the roster gets the athlete's id alone.
    """
    detail = corrections.get_analysis(uow=uow, principal=principal, analysis_id=analysis_id)
    view = detail.analysis
    organisation_id = principal.organisation_id
    found = uow.recordings.find(organisation_id=organisation_id, recording_id=view.recording_id)
    if found is None:
        raise no_recording()
    athlete_id = found.recording.athlete_id
    athlete = None
    if athlete_id is not None and principal.may(Permission.ROSTER_READ):
        athlete = uow.athletes.find(organisation_id=organisation_id, athlete_id=athlete_id)
    return FhirCase(
        base_url=base_url,
        analysis_id=view.id,
        movement=found.recording.movement,
        screened_on=found.recording.screened_on,
        analysed_at=view.created_at,
        verdict=view.record.verdict,
        method=view.record.method,
        metrics=view.record.metrics,
        risk_score=view.record.risk_score,
        athlete_id=athlete_id,
        athlete=athlete,
        corrections=tuple(
            FhirCorrection(id=each.id, kind=each.kind.value, reason=each.reason, made_at=each.created_at)
            for each in detail.corrections
        ),
    )
