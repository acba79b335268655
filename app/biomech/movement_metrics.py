"""The metrics of squats, step-downs, lunges, single-leg landings, running, cuts and quiet standing."""

from dataclasses import replace

from app.biomech.metric_definition import (
    ANY_VIEW,
    EACH_SIDE,
    EVERY_SIDE,
    IC,
    LANDING,
    LOWEST,
    MEDIAL,
    MID_STANCE,
    PKF,
    PLANT,
    STANDING,
    TRIAL,
    MetricDefinition,
    define,
)
from app.biomech.types import Movement

SINCE = "1.1.0"
REPEATED = (
    Movement.BILATERAL_SQUAT,
    Movement.SINGLE_LEG_SQUAT,
    Movement.LATERAL_STEP_DOWN,
    Movement.FORWARD_LUNGE,
)
ON_ONE_LEG = (
    Movement.SINGLE_LEG_SQUAT,
    Movement.LATERAL_STEP_DOWN,
    Movement.SINGLE_LEG_LANDING,
    Movement.FORWARD_LUNGE,
    Movement.RUNNING,
    Movement.SIDE_STEP_CUT,
)
HELD = (Movement.BILATERAL_DROP_LANDING, Movement.SINGLE_LEG_LANDING)
PARK = "Park 2024, n = 91"


def _beyond_anchor(key: str, name: str) -> MetricDefinition:
    return define(
        key,
        name,
        unit="1",
        sides=EACH_SIDE,
        events=(LOWEST,),
        movements=(Movement.SINGLE_LEG_SQUAT,),
        formula="Probability that the true angle is beyond the anchor, from value and standard error.",
        higher_is="worse",
        mark="V",
        reference=PARK,
        since_version=SINCE,
        target=0.0,
    )


_ON_ONE_LEG = (
    define(
        "trunk_lean_to_stance",
        "Trunk lean towards the standing leg",
        unit="deg",
        sides=EACH_SIDE,
        events=(IC, PKF, LOWEST, MID_STANCE, PLANT),
        movements=ON_ONE_LEG,
        formula="Lateral trunk lean, signed by the leg that stands.",
        sign_convention="Positive: towards the standing leg.",
        mark="V",
        reference="Method section 3.1",
        since_version=SINCE,
        target=0.0,
    ),
    define(
        "pelvic_drop",
        "Pelvic drop",
        unit="deg",
        sides=EACH_SIDE,
        events=(PKF, LOWEST, MID_STANCE),
        movements=ON_ONE_LEG,
        formula="Line between the hips against the picture's horizontal; camera roll adds to it one to one. Hip"
        " landmarks hardly follow the pelvis, so it is qualitative.",
        sign_convention="Positive: the hip of the free leg is lower.",
        mark="V",
        reference="Haberkamp: r = 0.53-0.54 against 3-D in the single-leg squat",
        since_version=SINCE,
        target=0.0,
    ),
    define(
        "summated_trunk_knee_angle",
        "Trunk and knee angle together",
        unit="deg",
        sides=EACH_SIDE,
        events=(LOWEST,),
        movements=(Movement.SINGLE_LEG_SQUAT, Movement.LATERAL_STEP_DOWN),
        formula="Trunk lean towards the standing leg plus FPPA of the standing leg. Grades differed at 28.4 deg,"
        " with the knee alone at 11.34 deg, in 76.9 % of cases.",
        sign_convention="Positive: trunk towards the standing leg and knee medial.",
        higher_is="worse",
        mark="V",
        reference=PARK,
        since_version=SINCE,
        target=0.0,
    ),
    _beyond_anchor(
        "summated_angle_beyond_anchor", "Probability that trunk and knee angle together exceed 28.4 deg"
    ),
    _beyond_anchor("knee_angle_beyond_anchor", "Probability that the knee angle exceeds 11.34 deg"),
)

_REPEATED = (
    define(
        "fppa_rise",
        "Knee angle from standing to the lowest point",
        unit="deg",
        sides=EVERY_SIDE,
        events=(LOWEST,),
        movements=REPEATED,
        formula="FPPA at the lowest point less FPPA just before the repetition; free of a constant landmark offset.",
        sign_convention=MEDIAL,
        higher_is="more valgus",
        mark="P",
        since_version=SINCE,
        mdc=8.0,
        error_source="As knee valgus displacement, method section 7.4 [P]",
        target=0.0,
    ),
    define(
        "squat_depth",
        "Depth",
        unit="%",
        events=(LOWEST,),
        views=ANY_VIEW,
        movements=REPEATED,
        formula="Lowering of the hips in the picture, in per cent of the straight leg.",
        mark="P",
        since_version=SINCE,
    ),
    define(
        "descent_time",
        "Time on the way down",
        unit="s",
        events=(LOWEST,),
        views=ANY_VIEW,
        movements=REPEATED,
        formula="Start of the repetition to its lowest point.",
        mark="D",
        since_version=SINCE,
    ),
    define(
        "repetitions",
        "Repetitions",
        unit="1",
        events=(TRIAL,),
        views=ANY_VIEW,
        movements=REPEATED,
        formula="Whole repetitions found; partial and cut-off ones are not counted.",
        mark="D",
        since_version=SINCE,
    ),
)

_STANDING = (
    define(
        "camera_roll",
        "Lean of the standing body in the picture",
        unit="deg",
        events=(STANDING,),
        movements=(Movement.STANDING,),
        formula="Mid-ankle to mid-shoulder against the picture's vertical: camera roll and posture together.",
        sign_convention="Positive: the body leans to the right of the picture.",
        mark="P",
        since_version=SINCE,
    ),
    define(
        "yaw",
        "Turn of the athlete away from the camera",
        unit="deg",
        events=(STANDING,),
        views=ANY_VIEW,
        movements=(Movement.STANDING,),
        formula="From the depth of shoulders and hips in the model's own space, the way the feet point, and the"
        " width of the shoulders.",
        sign_convention="Positive: towards the athlete's own left.",
        mark="D",
        since_version=SINCE,
    ),
    define(
        "thigh_length",
        "Thigh in the picture",
        unit="px",
        sides=EACH_SIDE,
        events=(STANDING,),
        views=ANY_VIEW,
        movements=(Movement.STANDING,),
        formula="Hip to knee landmark.",
        is_ratio_scale=True,
        mark="D",
        since_version=SINCE,
    ),
    define(
        "shank_length",
        "Shank in the picture",
        unit="px",
        sides=EACH_SIDE,
        events=(STANDING,),
        views=ANY_VIEW,
        movements=(Movement.STANDING,),
        formula="Knee to ankle landmark.",
        is_ratio_scale=True,
        mark="D",
        since_version=SINCE,
    ),
    define(
        "scale",
        "Scale at the athlete",
        unit="cm/px",
        events=(STANDING,),
        views=ANY_VIEW,
        movements=(Movement.STANDING,),
        formula="0.491 times stature over the length of the straight leg in the picture, between joints.",
        mark="V",
        reference="Drillis & Contini, Winter 2009",
        since_version=SINCE,
    ),
)


def _criterion(
    key: str, name: str, formula: str, *, movement: Movement, event: str, reference: str, mark: str = "P"
) -> MetricDefinition:
    """Return the definition of a criterion: the probability of the error a rater would mark."""
    return define(
        key,
        name,
        unit="1",
        sides=EACH_SIDE,
        events=(event,),
        movements=(movement,),
        formula=f"Probability that {formula}.",
        higher_is="worse",
        mark=mark,
        reference=reference,
        since_version=SINCE,
        target=0.0,
    )


_LSD = "Lateral step-down, six points; the limits are ours"
_STEP_DOWN = (
    *(
        _criterion(
            key,
            f"Step-down: {name}",
            formula,
            movement=Movement.LATERAL_STEP_DOWN,
            event=TRIAL,
            reference=_LSD,
        )
        for key, name, formula in (
            ("step_down_arms", "arms", "a hand leaves the waist, mean over the repetitions"),
            ("step_down_trunk", "trunk", "the trunk leans by more than 10 deg at the lowest point"),
            ("step_down_pelvis", "pelvis", "the pelvis tilts by more than 5 deg at the lowest point"),
            ("step_down_knee_over_toe", "knee inside the toes", "the knee is medial to the second toe"),
            (
                "step_down_knee_inside_foot",
                "knee inside the foot",
                "the knee is medial to the inner border of the foot",
            ),
            (
                "step_down_unsteady",
                "unsteady stance",
                "the stance is unsteady; not visible from one camera, so never given",
            ),
        )
    ),
    define(
        "step_down_score",
        "Step-down score, five of six points",
        unit="points",
        sides=EACH_SIDE,
        events=(TRIAL,),
        movements=(Movement.LATERAL_STEP_DOWN,),
        formula="Expected points of the five criteria that one camera in front shows; the sixth, an unsteady stance,"
        " is open. Of all six, 0-1 is good, 2-3 medium, 4 and more poor.",
        higher_is="worse",
        mark="V",
        reference="Lateral step-down: agreement 80-91 %, kappa 0.59-0.81",
        since_version=SINCE,
        target=0.0,
    ),
)

_HELD = (
    define(
        "landing_sway",
        "Sway while holding the landing",
        unit="%",
        events=(LANDING,),
        movements=HELD,
        formula="Standard deviation of the hips' sideways place from 0.5 s after the lowest point, up to 1.5 s, in per"
        " cent of the leg.",
        higher_is="worse",
        mark="P",
        since_version=SINCE,
        target=0.0,
    ),
)

_RUNNING = (
    define(
        "step_width",
        "Step width",
        unit="%",
        events=(MID_STANCE,),
        movements=(Movement.RUNNING,),
        formula="Sideways distance of the ankles in following stances, in per cent of the leg.",
        sign_convention="Negative: the feet cross the middle line.",
        mark="P",
        since_version=SINCE,
    ),
    define(
        "stance_time",
        "Time of a foot on the ground",
        unit="s",
        sides=EACH_SIDE,
        events=(TRIAL,),
        movements=(Movement.RUNNING,),
        formula="Foot strike to toe-off, mean over the strides.",
        is_ratio_scale=True,
        mark="P",
        since_version=SINCE,
    ),
    define(
        "cadence",
        "Steps per minute",
        unit="1/min",
        events=(TRIAL,),
        movements=(Movement.RUNNING,),
        formula="Steps from the first foot strike to the last over the time between them.",
        mark="D",
        since_version=SINCE,
    ),
)

_CMAS = "CMAS (Dos'Santos 2019)"
_CUT = (
    define(
        "plant_width",
        "Width of the plant",
        unit="%",
        sides=EACH_SIDE,
        events=(PLANT,),
        movements=(Movement.SIDE_STEP_CUT,),
        formula="Sideways distance of the planted ankle from the middle of the hips, in per cent of the leg at that"
        " moment.",
        sign_convention="Positive: on the outer side.",
        mark="P",
        since_version=SINCE,
    ),
    *(
        _criterion(
            key, f"Cut: {name}", formula, movement=Movement.SIDE_STEP_CUT, event=PLANT, reference=_CMAS
        )
        for key, name, formula in (
            ("cut_wide_plant", "wide plant", "the foot is planted wider than 0.35 m"),
            (
                "cut_trunk_lean",
                "trunk over the planted leg",
                "the trunk leans over the planted leg by more than 5 deg",
            ),
            (
                "cut_penultimate_braking",
                "no braking step before",
                "the step before does not brake; not visible from the front, so never given",
            ),
            (
                "cut_hip_rotation",
                "hip turned inward",
                "the hip is turned inward; not visible from one camera, so never given",
            ),
            (
                "cut_foot_position",
                "foot turned inward",
                "the foot is turned inward; not visible from one camera, so never given",
            ),
            (
                "cut_knee_valgus_at_contact",
                "knee inward at contact",
                "the knee points inward at contact; a turned body shows a false one, so never given",
            ),
            (
                "cut_trunk_upright",
                "trunk upright or back",
                "the trunk is upright or leans back; not visible from the front, so never given",
            ),
            (
                "cut_knee_flexion",
                "little knee bend",
                "the knee bends little; not visible from the front, so never given",
            ),
            (
                "cut_knee_valgus_motion",
                "knee moves inward",
                "the knee moves inward; a turned body shows a false motion, so never given",
            ),
        )
    ),
)


def spread_of(definition: MetricDefinition) -> MetricDefinition:
    """Return the definition of a metric's spread over the repetitions of one clip."""
    return replace(
        definition,
        key=f"{definition.key}_spread",
        name=f"{definition.name}: spread over repetitions",
        events=(LOWEST,),
        movements=REPEATED,
        formula=f"Standard deviation of {definition.key} over the repetitions of the clip; from three on.",
        sign_convention="",
        higher_is="neither",
        is_ratio_scale=False,
        mark="D",
        reference="",
        since_version=SINCE,
        sem=None,
        mdc=None,
        error_source="",
        target=None,
    )


_SPREADS = tuple(spread_of(entry) for entry in (*_ON_ONE_LEG[:3], *_REPEATED[:2]))

MOVEMENT_METRICS: tuple[MetricDefinition, ...] = (
    *_ON_ONE_LEG,
    *_REPEATED,
    *_STANDING,
    *_STEP_DOWN,
    *_HELD,
    *_RUNNING,
    *_CUT,
    *_SPREADS,
)
