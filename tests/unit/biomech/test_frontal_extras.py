"""Knee over foot, foot position, stance and hip in the frontal picture, against the figure's closed form."""

import numpy as np
import pytest

from app.biomech.frontal_extras import EXTRA_KEYS
from app.biomech.joints import Joint
from app.biomech.pipeline import assess_trial
from app.biomech.types import Metric, Outcome, PoseTrack, Sex, Side, TrialContext
from tests.synth import (
    ANKLE_M,
    LEG_M,
    SEGMENT_M,
    STANCE_M,
    DropJump,
    body_points,
    drop_jump,
    mirrored,
    to_track,
    video_of,
)

WOMAN = TrialContext(stature_cm=171.0, sex=Sex.FEMALE)


def assess(track: PoseTrack, context: TrialContext = WOMAN) -> Outcome:
    return assess_trial(video=video_of(track), track=track, context=context)


def metric(outcome: Outcome, key: str, side: Side) -> Metric:
    return next(m for m in outcome.metrics if (m.key, m.side) == (key, side))


def value(outcome: Outcome, key: str, side: Side = Side.BOTH) -> float:
    found = metric(outcome, key, side).value
    assert found is not None
    return found


def inwards_m(figure: DropJump, t: np.ndarray, *, left: bool) -> np.ndarray:
    """Return how far the figure's knee is inside the line from hip to ankle."""
    half = np.minimum(0.5 * (figure.hip_height(t) - figure.foot_height(t, left=left) - ANKLE_M), SEGMENT_M)
    return half * np.tan(np.radians(figure.fppa(t, left=left)) / 2.0)


@pytest.mark.parametrize("fps", [60.0, 120.0])
def test_knee_when_it_moves_inwards_then_way_and_place_are_the_closed_form_ones(fps: float) -> None:
    figure, track = drop_jump(fps=fps, rise_deg=(20.0, 12.0))
    outcome = assess(track)
    stance = np.linspace(figure.contact_at_s, figure.take_off_s, 2000)
    ways = {}
    for side, left in ((Side.LEFT, True), (Side.RIGHT, False)):
        course = inwards_m(figure, stance, left=left)
        ways[side] = 100.0 * float(course.max() - course[0])
        # A tenth: the filter rounds the corner at contact, as in the valgus displacement.
        assert value(outcome, "knee_valgus_motion", side) == pytest.approx(ways[side], rel=0.1)
        assert value(outcome, "medial_knee_displacement", side) == pytest.approx(ways[side], rel=0.1)
        assert value(outcome, "knee_over_toe", side) == pytest.approx(100 * course.max() / LEG_M, abs=0.3)
        assert value(outcome, "knee_over_midfoot", side) == pytest.approx(100 * course[0] / LEG_M, abs=0.3)
    both = value(outcome, "knee_valgus_motion")
    assert both == pytest.approx(np.mean([*ways.values()]), rel=0.1)


def test_knee_when_it_is_outside_the_foot_then_the_numbers_are_negative() -> None:
    outcome = assess(drop_jump(base_deg=(-8.0, -8.0), rise_deg=(2.0, 2.0))[1])
    for side in (Side.LEFT, Side.RIGHT):
        assert value(outcome, "knee_over_toe", side) < -1.5
        assert value(outcome, "knee_over_midfoot", side) < -1.5
        assert value(outcome, "hip_adduction", side) < 0.0


def test_hip_when_the_knee_is_inside_then_it_is_adducted_by_the_angle_of_the_thigh() -> None:
    figure, track = drop_jump(rise_deg=(16.0, 16.0))
    at = np.array([figure.lowest_at_s])
    half = 0.5 * (figure.hip_height(at) - ANKLE_M)
    true = float(np.degrees(np.arctan2(inwards_m(figure, at, left=True), half))[0])
    for side in (Side.LEFT, Side.RIGHT):
        assert value(assess(track), "hip_adduction", side) == pytest.approx(true, abs=0.3)


def test_feet_when_turned_out_then_the_angle_is_coarse_but_right_in_sign_and_size() -> None:
    figure = DropJump()
    t = figure.frame_times()
    points = body_points(figure, t)
    for name, sign in (("LEFT", 1.0), ("RIGHT", -1.0)):
        heel, toe = Joint[f"{name}_HEEL"], Joint[f"{name}_FOOT_INDEX"]
        along = points[:, toe] - points[:, heel]
        length = np.linalg.norm(along, axis=1)
        points[:, toe, 0] = points[:, heel, 0] + sign * length * np.sin(np.radians(35.0))
        points[:, toe, 2] = points[:, heel, 2] + length * np.cos(np.radians(35.0))
    outcome = assess(to_track(figure, t, points))
    for side in (Side.LEFT, Side.RIGHT):
        found = metric(outcome, "toe_angle", side)
        assert found.se is not None
        assert found.se >= 10.0
        assert value(outcome, "toe_angle", side) == pytest.approx(
            35.0, abs=3.0
        )  # foot 0.238, taken as 0.25 legs
        straight = value(assess(drop_jump()[1]), "toe_angle", side)
        assert straight == pytest.approx(0.0, abs=0.5)


def test_stance_and_contacts_when_read_then_they_are_the_figures() -> None:
    outcome = assess(drop_jump(delay_s=0.030, fps=120.0)[1])
    assert value(outcome, "stance_width") == pytest.approx(2 * STANCE_M / 0.36, rel=0.01)
    assert value(outcome, "foot_contact_difference") == pytest.approx(30.0, abs=3.0)


def test_mirror_law_when_the_picture_is_mirrored_then_sides_change_places_and_values_stay() -> None:
    _, track = drop_jump(rise_deg=(20.0, 8.0), noise_m=0.003, seed=4)
    straight, turned = assess(track), assess(mirrored(track))
    other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.BOTH: Side.BOTH}
    for found in straight.metrics:
        if found.key in EXTRA_KEYS:
            twin = next(
                m for m in turned.metrics
                if (m.key, m.side, m.event) == (found.key, other[found.side], found.event)
            )  # fmt: skip
            assert found.value == pytest.approx(twin.value, abs=1e-6)


def test_centimetres_when_no_scale_is_known_then_they_are_withheld_and_ratios_are_not() -> None:
    outcome = assess(drop_jump()[1], TrialContext())
    assert metric(outcome, "knee_valgus_motion", Side.BOTH).value is None
    assert metric(outcome, "medial_knee_displacement", Side.LEFT).value is None
    assert metric(outcome, "knee_over_toe", Side.LEFT).value is not None


def test_errors_when_the_body_is_turned_then_side_values_are_wider_and_the_mean_is_not() -> None:
    square, turned = assess(drop_jump()[1]), assess(drop_jump(yaw_deg=8.0)[1])
    for side, wider in ((Side.LEFT, True), (Side.BOTH, False)):
        a, b = (metric(outcome, "knee_valgus_motion", side).se for outcome in (square, turned))
        assert a is not None
        assert b is not None
        assert (b > 1.1 * a) is wider
