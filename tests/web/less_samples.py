"""The LESS of a trial and of a screening, as the pages are given it."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from app.biomech.change import Obstacle
from app.biomech.joined_trial import JoinedTrial
from app.biomech.less import LessScore, combine_less, score_less
from app.biomech.less_change import compare_less, find_less_norm
from app.biomech.less_items import Evidence, Reading
from app.biomech.two_views import join_views
from app.biomech.types import Event, EventName, Movement, Sex, Side
from app.domain.screenings import ScreeningContext
from app.services.trial_models import LessOverTrials, ScreeningLessView, TrialLess, TrialResultView
from tests.web.samples import WITHIN, athlete, score


def trial(*, both: bool = True) -> TrialResultView:
    """The trial of the recording, seen from the front and the side or from the front alone."""
    front = {
        ("knee_over_midfoot", Side.LEFT, "initial_contact"): (2.1, 1.3),
        ("lateral_trunk_lean", Side.BOTH, "initial_contact"): (1.2, 2.0),
        ("stance_width", Side.BOTH, "initial_contact"): (0.79, 0.08),
        ("toe_angle", Side.LEFT, "landing"): (12.0, 11.0),
        ("foot_contact_difference", Side.BOTH, "initial_contact"): (24.0, 11.0),
        ("knee_over_toe", Side.LEFT, "peak"): (4.4, 1.6),
        ("fppa", Side.LEFT, "peak_knee_flexion"): (14.2, 2.6),
    }
    side = {
        ("knee_flexion", Side.LEFT, "initial_contact"): (23.8, 3.3),
        ("hip_flexion", Side.LEFT, "initial_contact"): (33.7, 5.5),
        ("trunk_flexion", Side.BOTH, "initial_contact"): (10.7, 3.3),
        ("heel_over_toe", Side.LEFT, "initial_contact"): (3.7, 2.6),
        ("knee_flexion_displacement", Side.LEFT, "landing"): (60.1, 3.5),
        ("hip_flexion_displacement", Side.LEFT, "landing"): (52.7, 5.9),
        ("trunk_flexion_displacement", Side.BOTH, "landing"): (21.7, 4.3),
        ("sagittal_displacement", Side.LEFT, "landing"): (134.5, 10.7),
    }
    known = front | (side if both else {})
    readings = {key: Reading(value=value, se=se) for key, (value, se) in known.items()}
    evidence = Evidence(readings=readings, sex=Sex.FEMALE, frame_ms=16.7)
    instants = [
        (EventName.INITIAL_CONTACT, 1.0),
        (EventName.TAKE_OFF, 1.45),
        (EventName.SECOND_CONTACT, 1.96),
    ]
    events = [Event(name=name, side=Side.LEFT, time_s=at_s, frame=0, sd_s=0.008) for name, at_s in instants]
    return TrialResultView(
        id=UUID(int=301),
        number=1,
        movement=Movement.DROP_VERTICAL_JUMP,
        screening_id=UUID(int=300),
        athlete=athlete(4, "Amara Okonkwo"),
        screened_on=date(2026, 3, 14),
        context=ScreeningContext.BASELINE,
        parts=(),
        method=None,
        judgement=JoinedTrial(
            join=join_views(front=events, side=events) if both else None,
            metrics=(),
            risk_score=score(scope="full", band=WITHIN) if both else None,
            less=score_less(evidence),
            evidence=evidence,
        ),
        has_less=True,
        findings=(),
    )


def screening_less(
    *, movement: Movement = Movement.JUMP_LANDING, fewer: int = 4, obstacles: tuple[Obstacle, ...] = ()
) -> ScreeningLessView:
    """Three trials like the one above, after an earlier total that was higher."""
    judgement = trial().judgement
    assert judgement is not None
    one = judgement.less
    combined = combine_less([one, one, one])
    assert combined is not None
    before = _with_total(combined, more=fewer)
    return ScreeningLessView(
        screening_id=UUID(int=300),
        movement=movement,
        now=LessOverTrials(
            screening_id=UUID(int=300),
            method=None,
            trials=tuple(
                TrialLess(trial_id=UUID(int=300 + number), number=number, score=one) for number in (1, 2, 3)
            ),
            n_other_versions=0,
            combined=combined,
            real_time=None,
        ),
        norm=find_less_norm(combined, movement=movement, sex=Sex.FEMALE, age_years=18.2),
        change=compare_less(before, combined, obstacles=obstacles),
        previous_screening_id=UUID(int=299),
        previous_screened_on=date(2026, 1, 10),
    )


def _with_total(score: LessScore, *, more: int) -> LessScore:
    assert score.total is not None
    return replace(score, total=score.total + more)
