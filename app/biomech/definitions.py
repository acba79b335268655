"""Every number Plumbline can report: what it is, in which unit, how it is signed, and where it comes from.

One entry of `METRICS` per key; adding a metric is adding an entry. Pages, API and the written method are
made from it. Marks: ``V`` published and read, ``M`` from memory of the named paper, ``D`` derived or
measured by us, ``P`` our proposal without a published threshold. The mark is that of the definition,
not of any cut-off.
"""

from typing import Any

from app.biomech.metric_definition import (
    ANY_VIEW,
    BOTH_ONLY,
    EACH_SIDE,
    EVERY_SIDE,
    FLIGHT_MOVEMENTS,
    IC,
    LANDING,
    LANDINGS,
    LEAN,
    LOWEST,
    MEDIAL,
    MID_STANCE,
    MINIMUM,
    MUNRO,
    PEAK,
    PKF,
    PLANT,
    SECOND,
    STANDING,
    TAKE_OFF,
    MetricDefinition,
    define,
)
from app.biomech.movement_metrics import MOVEMENT_METRICS, spread_of
from app.biomech.types import Movement, Side, View

__all__ = [
    "IC",
    "LANDING",
    "LOWEST",
    "METRICS",
    "MID_STANCE",
    "PKF",
    "STANDING",
    "MetricDefinition",
    "check_metric",
]

_FRONTAL = (
    define(
        "fppa",
        "Frontal-plane projection angle of the knee",
        unit="deg",
        sides=EVERY_SIDE,
        events=(IC, PKF, PEAK, LOWEST, MID_STANCE, STANDING),
        formula="Signed turn from the thigh (hip to knee) to the shank (knee to ankle) in the picture; 0 is a"
        " straight leg. Both: mean of the two knees, which body yaw does not move to first order.",
        sign_convention=MEDIAL,
        higher_is="more valgus",
        mark="V",
        reference="Herrington & Munro 2010, Phys Ther Sport; Munro 2012",
        sem=3.0,
        mdc=8.9,
        error_source=f"{MUNRO}; the larger of each [V]",
        target=0.0,
    ),
    define(
        "fppa_frontal",
        "Knee angle in the athlete's own frontal plane",
        unit="deg",
        sides=EVERY_SIDE,
        events=(IC, PKF, PEAK, LOWEST, MID_STANCE, STANDING),
        formula="FPPA after the athlete's yaw and the perspective of the camera are taken out, with the depth of knee"
        " and hip worked out from how short thigh and shank look. Both: mean of the two knees.",
        sign_convention=MEDIAL,
        higher_is="more valgus",
        mark="D",
        reference="Method section 3.2; no published cut-off applies to it",
        since_version="1.1.0",
        target=0.0,
    ),
    define(
        "knee_valgus_displacement",
        "Knee valgus displacement",
        unit="deg",
        sides=EVERY_SIDE,
        events=(LANDING,),
        movements=(*FLIGHT_MOVEMENTS, Movement.BILATERAL_DROP_LANDING, Movement.SINGLE_LEG_LANDING),
        formula="Largest FPPA in the landing less FPPA at the side's own contact; free of a constant landmark offset.",
        sign_convention=MEDIAL,
        higher_is="more valgus",
        mark="V",
        reference="Holden 2017",
        mdc=8.0,
        error_source="Method section 7.4, until there are own data [P]",
        target=0.0,
    ),
    define(
        "knee_ankle_separation_ratio",
        "Knee to ankle separation ratio (KASR)",
        unit="1",
        events=(IC, PKF, MINIMUM, LOWEST, STANDING),
        formula="Horizontal distance between the knees over that between the ankles; 1 is knees over ankles.",
        higher_is="better",
        mark="V",
        reference="Mizner 2012, Clin J Sport Med 22:221",
        sem=0.055,
        mdc=0.15,
        error_source="2.77 times 0.055, method section 7.4 [D]",
        target=1.0,
    ),
    define(
        "knee_separation",
        "Distance between the knees",
        unit="cm",
        events=(IC, PKF, MINIMUM, LOWEST, STANDING),
        formula="Horizontal distance between the knees, less what nearer knees look further apart, times the scale;"
        " only with stature (scale 5 %) or box height (15 %) given.",
        higher_is="neither",
        mark="V",
        reference="Noyes 2005, Sportsmetrics",
    ),
    define(
        "lateral_trunk_lean",
        "Lateral trunk lean",
        unit="deg",
        events=(IC, PKF, PEAK, LOWEST, MID_STANCE, PLANT, STANDING),
        formula="Mid-hip to mid-shoulder against the picture's vertical; camera roll adds to it one to one.",
        sign_convention=LEAN,
        mark="V",
        reference="LESS item 6 (Padua 2009)",
        target=0.0,
    ),
)

_TIMES = (
    define(
        "contact_time",
        "Contact time",
        unit="s",
        events=(TAKE_OFF,),
        views=ANY_VIEW,
        movements=FLIGHT_MOVEMENTS,
        formula="First contact to last take-off.",
        is_ratio_scale=True,
        mark="V",
        reference="MVESPA",
    ),
    define(
        "flight_time",
        "Flight time",
        unit="s",
        events=(SECOND,),
        views=ANY_VIEW,
        movements=FLIGHT_MOVEMENTS,
        formula="Last take-off to the first foot back on the floor.",
        is_ratio_scale=True,
        mark="V",
        reference="MVESPA",
    ),
    define(
        "jump_height",
        "Jump height",
        unit="m",
        events=(SECOND,),
        views=ANY_VIEW,
        movements=FLIGHT_MOVEMENTS,
        formula="g T^2 / 8 of the flight time T.",
        higher_is="better",
        is_ratio_scale=True,
        mark="D",
    ),
    define(
        "reactive_strength_index",
        "Reactive strength index",
        unit="m/s",
        events=(SECOND,),
        views=ANY_VIEW,
        movements=FLIGHT_MOVEMENTS,
        formula="Jump height over contact time.",
        higher_is="better",
        is_ratio_scale=True,
        mark="D",
    ),
)

_FLEXION = "Positive: bent, or leaning forward."


def _sagittal(key: str, name: str, formula: str, **more: Any) -> MetricDefinition:
    """Return the definition of an angle of the near limb in a landing, seen from the side."""
    shared: dict[str, Any] = {
        "unit": "deg",
        "sides": EACH_SIDE,
        "views": (View.SAGITTAL,),
        "movements": LANDINGS,
        "sign_convention": _FLEXION,
        "since_version": "1.1.0",
        "mark": "V",
    }
    return define(key, name, formula=formula, **(shared | more))


_SAGITTAL = (
    _sagittal(
        "knee_flexion",
        "Knee flexion",
        "180 deg less the angle at the knee between hip and ankle, in the picture from the side, near leg.",
        events=(IC, PKF),
        reference="LESS item 1 (Padua 2009); Schurr 2017: 2-D against 3-D 0.7 deg",
        mdc=11.6,
        error_source="Turner: largest of the two-phone systems' 1.9-11.6 deg, until there are own data [V]",
    ),
    _sagittal(
        "knee_flexion_displacement",
        "Knee flexion displacement",
        "Largest knee flexion less knee flexion at contact.",
        events=(LANDING,),
        higher_is="better",
        reference="LESS item 12 (Padua 2009); Leppänen 2017",
        mdc=11.6,
        error_source="Turner: largest of the two-phone systems' 1.9-11.6 deg, until there are own data [V]",
    ),
    _sagittal(
        "hip_flexion",
        "Hip flexion",
        "180 deg less the angle at the hip between shoulder and knee, near limb.",
        events=(IC, PKF),
        reference="LESS item 2 (Padua 2009)",
    ),
    _sagittal(
        "hip_flexion_displacement",
        "Hip flexion displacement",
        "Hip flexion at the largest knee flexion less that at contact.",
        events=(LANDING,),
        higher_is="better",
        reference="LESS item 13 (Padua 2009); Leppänen 2017",
    ),
    _sagittal(
        "trunk_flexion",
        "Trunk flexion",
        "Forward lean of the line from hip to shoulder against the picture's vertical; camera tilt adds to it"
        " one to one.",
        sides=BOTH_ONLY,
        events=(IC, PKF),
        reference="LESS item 3 (Padua 2009)",
    ),
    _sagittal(
        "trunk_flexion_displacement",
        "Trunk flexion displacement",
        "Trunk flexion at the largest knee flexion less that at contact.",
        sides=BOTH_ONLY,
        events=(LANDING,),
        higher_is="better",
        reference="LESS item 14 (Padua 2009)",
    ),
    _sagittal(
        "ankle_plantarflexion",
        "Ankle plantarflexion",
        "Pitch of the foot, against the flat foot of the same clip, less the forward tilt of the shank.",
        events=(IC, PKF),
        sign_convention="Positive: toes away from the shin.",
        reference="LESS item 4 (Padua 2009)",
    ),
    _sagittal(
        "sagittal_displacement",
        "Joint displacement",
        "Knee, hip and trunk flexion displacement together.",
        events=(LANDING,),
        higher_is="better",
        mark="P",
        reference="LESS item 16 (Padua 2009); the sum is ours",
    ),
    _sagittal(
        "heel_over_toe",
        "Heel over toe at contact",
        "Height of the heel over the toe at contact, against the flat foot of the same clip, in percent of leg"
        " length; 1.2 % is about 1 cm.",
        unit="%",
        events=(IC,),
        sign_convention="Positive: the toes arrive first.",
        mark="D",
        reference="LESS item 4 (Padua 2009)",
    ),
)

_OVER_FOOT = "Positive: knee medial, towards the other leg."


def _over_foot(key: str, name: str, formula: str, **more: Any) -> MetricDefinition:
    """Return the definition of a frontal number that the LESS, the nomogram or an old series asks for."""
    shared: dict[str, Any] = {
        "movements": LANDINGS,
        "sign_convention": _OVER_FOOT,
        "higher_is": "more valgus",
        "since_version": "1.1.0",
        "mark": "V",
    }
    return define(key, name, formula=formula, **(shared | more))


_FRONTAL_EXTRAS = (
    _over_foot(
        "knee_valgus_motion",
        "Knee valgus motion",
        "Way of the knee inwards in the picture, from contact to its most medial place, times the scale.",
        unit="cm",
        sides=EVERY_SIDE,
        events=(LANDING,),
        reference="Myer 2010 (the nomogram's input)",
    ),
    _over_foot(
        "medial_knee_displacement",
        "Medial knee displacement (MKD)",
        "Largest distance of the knee from the line hip-ankle, inwards, less that at contact, times the scale.",
        unit="cm",
        sides=EVERY_SIDE,
        events=(LANDING,),
        reference="Krosshaug 2016",
    ),
    _over_foot(
        "knee_over_midfoot",
        "Knee over the middle of the foot",
        "Knee against the middle between ankle and toes at contact, in percent of leg length.",
        unit="%",
        sides=EACH_SIDE,
        events=(IC,),
        reference="LESS item 5 (Padua 2009)",
    ),
    _over_foot(
        "knee_over_toe",
        "Knee over the toes",
        "Knee against the toes where it is most medial, in percent of leg length.",
        unit="%",
        sides=EACH_SIDE,
        events=(PEAK,),
        reference="LESS item 15 (Padua 2009)",
    ),
    _over_foot(
        "toe_angle",
        "Toe-out angle",
        "Arc sine of the way toes and heel lie beside each other over the foot's length; a coarse class.",
        unit="deg",
        sides=EACH_SIDE,
        events=(LANDING,),
        sign_convention="Positive: toes out.",
        higher_is="neither",
        reference="LESS items 9 and 10 (Padua 2009)",
    ),
    _over_foot(
        "hip_adduction",
        "Hip adduction in the picture",
        "Angle of the thigh to the perpendicular on the line between the hips.",
        unit="deg",
        sides=EACH_SIDE,
        events=(PKF,),
        sign_convention="Positive: thigh towards the other leg.",
        reference="PFP2D: r 0.55-0.76 with 3-D in women with knee pain",
    ),
    _over_foot(
        "stance_width",
        "Stance width",
        "Distance between the ankles over that between the shoulders, feet flat.",
        unit="1",
        events=(IC,),
        sign_convention="",
        higher_is="neither",
        is_ratio_scale=True,
        reference="LESS items 7 and 8 (Padua 2009)",
    ),
    _over_foot(
        "foot_contact_difference",
        "Time between the feet's contacts",
        "Time between left and right contact, without sign.",
        unit="ms",
        events=(IC,),
        sign_convention="",
        higher_is="worse",
        is_ratio_scale=True,
        reference="LESS item 11 (Padua 2009)",
    ),
)

_SPREADS = tuple(
    spread_of(entry) for entry in _FRONTAL if entry.key in {"fppa", "knee_ankle_separation_ratio"}
)

METRICS: dict[str, MetricDefinition] = {
    entry.key: entry
    for entry in (*_FRONTAL, *_FRONTAL_EXTRAS, *_TIMES, *_SAGITTAL, *MOVEMENT_METRICS, *_SPREADS)
}
"""Key -> definition. Keys are stable: they are stored, filtered on and shown in the API."""


def check_metric(*, key: str, side: Side, event: str) -> MetricDefinition:
    """Return the definition of a key; raise ``KeyError`` for an unknown one.

    Raises ``ValueError`` when the definition does not know the side or the event, so that nothing is
    reported that the written method does not describe.
    """
    definition = METRICS[key]
    if side not in definition.sides or event not in definition.events:
        msg = f"{key} is not defined for side {side.value!r} and event {event!r}"
        raise ValueError(msg)
    return definition
