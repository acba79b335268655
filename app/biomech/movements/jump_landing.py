"""The jump-landing of the LESS: forward off a box, land, jump straight up (method section 1.2).

What follows contact is read as in the drop vertical jump; the LESS itself is scored from these numbers.
"""

from app.biomech.movements.base import MovementDefinition
from app.biomech.movements.drop_vertical_jump import IC, JUMP_METRICS, LANDING_METRICS, assess
from app.biomech.reading import plan_landing
from app.biomech.types import Movement, View

JUMP_LANDING = MovementDefinition(
    movement=Movement.JUMP_LANDING,
    name="Jump-landing off a box",
    protocol=(
        "Stand on a 30 cm box. Jump forward, not upward, to the line at half your height in front of the box, land "
        "with both feet past it and jump straight up as high as you can at once."
    ),
    phases=(
        "standing on the box",
        "jump forward",
        "landing, from first contact to the lowest point",
        "push-off",
        "flight",
        "second landing",
    ),
    valid_when=(
        "The athlete leaves the box with both feet, forward and not upward.",
        "Both feet land past the line.",
        "A jump follows at once, in one flowing movement.",
    ),
    metrics=(*LANDING_METRICS, *JUMP_METRICS),
    flagged_frames=(IC, "peak_valgus", "lowest_point"),
    views=(View.FRONTAL, View.SAGITTAL),
    has_box=True,
    plan_reading=plan_landing,
    assess=assess,
)
