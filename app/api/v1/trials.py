"""Single trials judged over their recordings, the LESS, and the nomogram."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.api.deps import PrincipalDep, Requires, UowDep
from app.api.present_trials import present_nomogram, present_screening_less, present_trial
from app.api.responses import problems
from app.api.schemas.trials import NomogramOutput, ScreeningLessOutput, TrialResultOutput
from app.biomech.less_items import LimbRule
from app.biomech.types import Movement, Side
from app.domain.access import Permission
from app.domain.errors import InvalidInputError
from app.http.small_bodies import SmallBodyRoute
from app.services import screening_less, trials

READ = [Depends(Requires(Permission.RESULTS_READ))]
LimbRuleQuery = Annotated[LimbRule, Query(description="Whose errors count in the LESS.")]
CueQuery = Annotated[
    float | None,
    Query(ge=0, description="Second at which this recording has the clap; send both or neither."),
]

router = APIRouter(tags=["trials"], route_class=SmallBodyRoute)


@router.get(
    "/trials/{trial_id}",
    operation_id="get_trial",
    summary="One trial, judged over the recordings that saw it",
    dependencies=READ,
    responses=problems(404, 422),
)
def get_trial(
    trial_id: UUID,
    uow: UowDep,
    principal: PrincipalDep,
    limb_rule: LimbRuleQuery = LimbRule.EITHER,
    front_clap_s: CueQuery = None,
    side_clap_s: CueQuery = None,
) -> TrialResultOutput:
    """Return both recordings put together: numbers, score, LESS with every item, and how well they fit."""
    cue_s = None
    if front_clap_s is not None and side_clap_s is not None:
        cue_s = (front_clap_s, side_clap_s)
    elif front_clap_s is not None or side_clap_s is not None:
        raise InvalidInputError(
            "A clap in one recording alone joins nothing.",
            how_to_fix="Send front_clap_s and side_clap_s, or neither.",
            field="front_clap_s" if front_clap_s is None else "side_clap_s",
        )
    return present_trial(
        trials.get_trial(uow=uow, principal=principal, trial_id=trial_id, limb_rule=limb_rule, cue_s=cue_s)
    )


@router.get(
    "/trials/{trial_id}/nomogram",
    operation_id="get_nomogram",
    summary="How probably the knee-abduction load of a trial is high",
    dependencies=READ,
    responses=problems(404, 422),
)
def get_nomogram(
    trial_id: UUID,
    uow: UowDep,
    principal: PrincipalDep,
    tibia_cm: Annotated[
        float | None,
        Query(description="Length of the shin by tape, lateral joint line to lateral malleolus."),
    ] = None,
    mass_kg: Annotated[float | None, Query(description="Without it, the mass on the roster.")] = None,
    quad_ham_ratio: Annotated[
        float | None, Query(description="Quadriceps over hamstrings; without it, estimated from mass.")
    ] = None,
    side: Annotated[Side, Query(description="Whose valgus motion; both is their mean.")] = Side.BOTH,
) -> NomogramOutput:
    """Return the read-out of the published nomogram, or what it lacks; not a risk of injury."""
    return present_nomogram(
        trials.read_trial_nomogram(
            uow=uow,
            principal=principal,
            trial_id=trial_id,
            tibia_cm=tibia_cm,
            mass_kg=mass_kg,
            quad_ham_ratio=quad_ham_ratio,
            side=side,
        )
    )


@router.get(
    "/screenings/{screening_id}/less",
    operation_id="get_screening_less",
    summary="The LESS over the trials of a screening",
    dependencies=READ,
    responses=problems(404, 422),
)
def get_screening_less(
    screening_id: UUID,
    uow: UowDep,
    principal: PrincipalDep,
    movement: Annotated[
        Movement | None,
        Query(description="Jump-landing or drop vertical jump; without it, whichever is there."),
    ] = None,
    limb_rule: LimbRuleQuery = LimbRule.EITHER,
) -> ScreeningLessOutput:
    """Return the LESS by the rule of two trials in three, and the real-time form."""
    return present_screening_less(
        screening_less.get_screening_less(
            uow=uow, principal=principal, screening_id=screening_id, movement=movement, limb_rule=limb_rule
        )
    )
