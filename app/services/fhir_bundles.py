"""One analysis, or one screening, as the FHIR bundle takes it."""

from uuid import UUID

from app.biomech.norms import NormResult
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.errors import NotFoundError
from app.integrations.fhir import FhirCase, FhirCorrection
from app.integrations.fhir_screening import FhirMovement, FhirScreening
from app.services import corrections, screenings
from app.services.presenters import no_recording
from app.services.screening_models import JudgedMovement


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
        captured_at=found.recording.captured_at,
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


def get_fhir_screening(
    *, uow: UnitOfWork, principal: Principal, screening_id: UUID, base_url: str
) -> FhirScreening:
    """Return a screening with the present analyses of its trials; or raise `NotFoundError`, also when there are none.

    Takes an entered `UnitOfWork` made for the principal.
    """
    view = screenings.get_screening(uow=uow, principal=principal, screening_id=screening_id)
    movements = tuple(
        _movement(uow, principal, movement=movement, base_url=base_url) for movement in view.movements
    )
    if not any(movement.cases for movement in movements):
        raise NotFoundError(
            "Nothing of this screening is analysed yet.",
            how_to_fix="Look at its recordings: they say how far they are, or what went wrong.",
        )
    return FhirScreening(
        id=view.id,
        base_url=base_url,
        screened_on=view.screened_on,
        created_at=view.created_at,
        movements=movements,
    )


def _movement(
    uow: UnitOfWork, principal: Principal, *, movement: JudgedMovement, base_url: str
) -> FhirMovement:
    cases, counting = [], set()
    for trial in movement.of.trials:
        for recording in trial.recordings:
            analysis_id = uow.analyses.latest_id(
                organisation_id=principal.organisation_id, recording_id=recording.id
            )
            if analysis_id is None or recording.verdict is None:
                continue
            cases.append(
                get_fhir_case(uow=uow, principal=principal, analysis_id=analysis_id, base_url=base_url)
            )
            if trial.counts:
                counting.add(analysis_id)
    return FhirMovement(
        judgement=movement.of.judgement,
        norms={one.metric.place: one.norm for one in movement.metrics if isinstance(one.norm, NormResult)},
        cases=tuple(cases),
        counting=frozenset(counting),
    )
