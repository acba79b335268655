"""The drop landing on both legs that is held (method section 1.2)."""

from app.biomech.movements.base import MovementDefinition
from app.biomech.movements.drop_vertical_jump import IC, LANDING_METRICS, assess
from app.biomech.reading import plan_landing
from app.biomech.types import Movement, View

BILATERAL_DROP_LANDING = MovementDefinition(
    movement=Movement.BILATERAL_DROP_LANDING,
    name="Drop landing on both legs",
    protocol=(
        "Stand on a box of 30 to 40 cm, feet about 35 cm apart. Drop straight off without jumping up, land on both "
        "feet at the same time and stand still for two seconds."
    ),
    phases=(
        "standing on the box",
        "drop",
        "landing, from first contact to the lowest point",
        "holding still",
    ),
    valid_when=(
        "The athlete leaves the box with both feet and without jumping up.",
        "Both feet land together.",
        "The landing is held for two seconds without a step.",
    ),
    metrics=(*LANDING_METRICS, "landing_sway"),
    flagged_frames=(IC, "peak_valgus", "lowest_point"),
    views=(View.FRONTAL, View.SAGITTAL),
    has_box=True,
    plan_reading=plan_landing,
    assess=assess,
)
