"""The squat on both legs, arms overhead where that is asked for (method section 1.2)."""

from app.biomech.frontal import FrontalMeasurement
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.repeated import LOWEST, READ_RATE_HZ, RepeatedMovement, assess_repeated, read_knee
from app.biomech.movements.shared import Entry
from app.biomech.repetitions import Repetition
from app.biomech.types import Movement, Outcome, Side, View


def _read(m: FrontalMeasurement, item: Repetition, side: Side) -> list[Entry]:
    """Return the frontal numbers of one squat."""
    least = m.least_ratio(start_s=item.start.time_s, stop_s=item.stop.time_s)
    return [
        *read_knee(m, item, Side.LEFT),
        *read_knee(m, item, Side.RIGHT),
        *read_knee(m, item, Side.BOTH),
        ("knee_ankle_separation_ratio", side, LOWEST, m.ratio_at(item.lowest)),
        ("knee_ankle_separation_ratio", side, "minimum", least),
        ("knee_separation", side, LOWEST, m.knee_separation_at(item.lowest)),
        ("lateral_trunk_lean", side, LOWEST, m.lean_at(item.lowest)),
    ]


def assess(trial: Trial) -> Outcome:
    """Return the judgement over one recording of squats on both legs."""
    return assess_repeated(
        trial, RepeatedMovement(movement=Movement.BILATERAL_SQUAT, on_one_leg=False, read=_read)
    )


BILATERAL_SQUAT = MovementDefinition(
    movement=Movement.BILATERAL_SQUAT,
    name="Squat on both legs",
    protocol=(
        "Stand with the feet shoulder-width apart and the toes forward, arms straight overhead. Squat five times "
        "to a comfortable depth, about two seconds down and two up. Keep the heels on the floor. If the knees "
        "move inward, do it again with the heels on a 5 cm board."
    ),
    phases=("standing", "descent", "lowest point", "ascent"),
    valid_when=(
        "Both feet stay where they are.",
        "The heels stay on the floor.",
        "Every repetition starts and ends upright.",
    ),
    metrics=(
        "fppa",
        "fppa_spread",
        "fppa_frontal",
        "fppa_rise",
        "fppa_rise_spread",
        "knee_ankle_separation_ratio",
        "knee_ankle_separation_ratio_spread",
        "knee_separation",
        "lateral_trunk_lean",
        "squat_depth",
        "squat_depth_spread",
        "descent_time",
        "repetitions",
    ),
    flagged_frames=("lowest_point", "peak_valgus"),
    views=(View.FRONTAL, View.SAGITTAL),
    is_repeated=True,
    read_rate_hz=READ_RATE_HZ,
    assess=assess,
)
