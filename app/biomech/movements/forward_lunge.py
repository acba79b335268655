"""The forward lunge (method section 1.2)."""

from app.biomech.frontal import FrontalMeasurement, towards
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.repeated import LOWEST, READ_RATE_HZ, RepeatedMovement, assess_repeated, read_knee
from app.biomech.movements.shared import Entry
from app.biomech.repetitions import Repetition
from app.biomech.types import Movement, Outcome, Side, View


def _read(m: FrontalMeasurement, item: Repetition, front: Side) -> list[Entry]:
    """Return knee of the front leg and trunk of one lunge."""
    return [
        *read_knee(m, item, front),
        ("trunk_lean_to_stance", front, LOWEST, towards(front, m.lean_at(item.lowest))),
    ]


def assess(trial: Trial) -> Outcome:
    """Return the judgement over one recording of lunges with one leg in front, which is found."""
    return assess_repeated(
        trial, RepeatedMovement(movement=Movement.FORWARD_LUNGE, on_one_leg=True, read=_read)
    )


FORWARD_LUNGE = MovementDefinition(
    movement=Movement.FORWARD_LUNGE,
    name="Forward lunge",
    protocol=(
        "Stand upright, hands on the hips. Step forward by the length of your leg, sink until the back knee is near "
        "the floor, and push back to where you stood. Five times with the same leg in front, then film the other."
    ),
    phases=("standing", "step", "descent", "lowest point", "push back"),
    valid_when=(
        "The front foot lands flat and points forward.",
        "The same leg steps forward every time.",
        "Every repetition ends upright where it began.",
    ),
    metrics=(
        "fppa",
        "fppa_spread",
        "fppa_frontal",
        "fppa_rise",
        "fppa_rise_spread",
        "trunk_lean_to_stance",
        "trunk_lean_to_stance_spread",
        "squat_depth",
        "squat_depth_spread",
        "descent_time",
        "repetitions",
    ),
    flagged_frames=("lowest_point", "peak_valgus"),
    views=(View.FRONTAL,),
    is_repeated=True,
    read_rate_hz=READ_RATE_HZ,
    assess=assess,
)
