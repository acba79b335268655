"""What is measured of a drop jump and how it scores, on the stick figure with closed-form truth, and the laws it obeys."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.biomech.definitions import METRICS
from app.biomech.movements.drop_vertical_jump import DROP_VERTICAL_JUMP
from app.biomech.sagittal_landing import SAGITTAL_KEYS
from app.biomech.types import (
    Assessed,
    PoseSource,
    Severity,
    Side,
    TrialContext,
    Verdict,
)
from tests.synth import DropJump, drop_jump, mirrored
from tests.unit.biomech.landing_support import assess, codes, value_of, values

SWAP = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.BOTH: Side.BOTH}


@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0, 240.0])
def test_peak_valgus_when_it_is_a_half_sine_then_filter_and_rate_do_not_cost_it(fps: float) -> None:
    _, track = drop_jump(fps=fps, base_deg=(2.0, 2.0), rise_deg=(12.0, 20.0))
    outcome = assess(track)
    assert value_of(outcome, "fppa", Side.LEFT, "peak") == pytest.approx(14.0, abs=0.5)
    assert value_of(outcome, "fppa", Side.RIGHT, "peak") == pytest.approx(22.0, abs=0.5)
    assert value_of(outcome, "fppa", Side.BOTH, "peak_knee_flexion") == pytest.approx(18.0, abs=0.5)
    # The corner at contact is rounded by the filter: up to a tenth of the rise at 30 Hz, less above.
    rise = value_of(outcome, "knee_valgus_displacement", Side.BOTH, "landing")
    assert rise == pytest.approx(16.0, abs=1.7 if fps < 60 else 1.0)


def test_metrics_when_a_trial_is_good_then_every_key_side_and_unit_is_there() -> None:
    _, track = drop_jump()
    outcome = assess(track)
    assert isinstance(outcome, Assessed)
    assert outcome.verdict is Verdict.VALID
    assert {m.key for m in outcome.metrics} == set(DROP_VERTICAL_JUMP.metrics) - set(SAGITTAL_KEYS)
    assert all(m.unit == METRICS[m.key].unit for m in outcome.metrics)
    sides = {m.side for m in outcome.metrics if m.key in ("fppa", "knee_valgus_displacement")}
    assert sides == {Side.LEFT, Side.RIGHT, Side.BOTH}
    assert all(m.value is not None and m.se is not None for m in outcome.metrics)
    assert {flag.reason for flag in outcome.flagged_frames} == {
        "initial_contact",
        "peak_valgus",
        "lowest_point",
    }
    assert set(outcome.kinematics.series) == {
        "fppa_left_deg",
        "fppa_right_deg",
        "fppa_frontal_left_deg",
        "fppa_frontal_right_deg",
        "knee_ankle_separation_ratio",
        "trunk_lean_deg",
        "knee_flexion_left_deg",
        "knee_flexion_right_deg",
    }
    # A frontal camera cannot measure flexion, and does not pretend to.
    assert np.isnan(outcome.kinematics.series["knee_flexion_left_deg"]).all()


def test_score_when_the_front_is_seen_then_it_is_frontal_with_sixty_percent_coverage() -> None:
    _, track = drop_jump()
    outcome = assess(track)
    assert isinstance(outcome, Assessed)
    assert outcome.risk_score is not None
    assert (outcome.risk_score.scope, outcome.risk_score.coverage) == ("frontal", 0.60)
    assert {c.key for c in outcome.risk_score.components} == {
        "knee_valgus_displacement",
        "knee_ankle_separation_ratio",
        "fppa",
        "lateral_trunk_lean",
        "foot_contact_difference",
    }


def test_score_when_the_valgus_is_larger_then_it_is_higher() -> None:
    scores = []
    for rise in (0.0, 10.0, 25.0):
        outcome = assess(drop_jump(rise_deg=(rise, rise))[1])
        assert isinstance(outcome, Assessed)
        assert outcome.risk_score is not None
        scores.append(outcome.risk_score.value)
    assert scores == sorted(scores)
    assert scores[2] - scores[0] > 30.0


def test_score_when_the_sex_is_unknown_then_no_pooled_cutoff_is_used() -> None:
    outcome = assess(drop_jump()[1], TrialContext(stature_cm=171.0))
    assert isinstance(outcome, Assessed)
    assert outcome.risk_score is not None
    assert "fppa" not in {component.key for component in outcome.risk_score.components}
    assert outcome.risk_score.coverage == pytest.approx(0.50)
    assert "sex_unknown" in codes(outcome, Severity.INFO)
    assert outcome.verdict is Verdict.VALID


def test_knee_separation_when_no_scale_is_known_then_it_is_withheld_and_said() -> None:
    track = drop_jump()[1]
    keys = [
        ("knee_separation", Side.BOTH, event) for event in ("initial_contact", "peak_knee_flexion", "minimum")
    ]
    unknown = assess(track, TrialContext())
    assert all(values(unknown)[key] is None for key in keys)
    assert "scale_unknown" in codes(unknown, Severity.INFO)
    figure = DropJump()
    knees_cm = 100.0 * 2.0 * (0.10 - 0.42 * np.tan(np.radians(figure.base_deg[0] / 2)))
    by_stature = assess(track)
    # 5 %: hip to ankle is 0.491 of stature in a usual body and in this one.
    assert value_of(by_stature, *keys[0]) == pytest.approx(knees_cm, rel=0.05)
    by_box = assess(track, TrialContext(box_height_cm=30.0))
    assert "scale_from_box" in codes(by_box, Severity.INFO)
    assert value_of(by_box, *keys[0]) == pytest.approx(knees_cm, rel=0.10)


def test_trunk_lean_when_the_athlete_leans_left_then_it_is_positive() -> None:
    outcome = assess(drop_jump(lean_deg=7.0)[1])
    for event in ("initial_contact", "peak_knee_flexion", "peak"):
        assert value_of(outcome, "lateral_trunk_lean", Side.BOTH, event) == pytest.approx(7.0, abs=0.1)


@given(
    rise=st.tuples(st.floats(0.0, 25.0), st.floats(0.0, 25.0)),
    delay_s=st.sampled_from([0.0, 0.02, 0.04]),
    seed=st.integers(0, 50),
)
@settings(max_examples=8, deadline=None)
def test_mirror_law_when_the_picture_is_mirrored_then_sides_swap_and_values_stay(
    rise: tuple[float, float], delay_s: float, seed: int
) -> None:
    _, track = drop_jump(rise_deg=rise, delay_s=delay_s, noise_m=0.002, seed=seed, yaw_deg=1.0)
    straight, turned = values(assess(track)), values(assess(mirrored(track)))
    for (key, side, event), value in straight.items():
        other = turned[key, SWAP[side], event]
        assert value is not None
        assert other is not None
        sign = -1.0 if key == "lateral_trunk_lean" else 1.0
        if key == "lateral_trunk_lean" and event == "peak":
            value, other, sign = abs(value), abs(other), 1.0
        # A picture is mirrored exactly; what is left is rounding.
        assert sign * other == pytest.approx(value, abs=1e-6)


@given(
    shift=st.tuples(st.floats(-100.0, 100.0), st.floats(-30.0, 30.0)),
    scale_px_m=st.floats(250.0, 600.0),
    roll_deg=st.floats(-8.0, 8.0),
)
@settings(max_examples=8, deadline=None)
def test_picture_laws_when_it_is_shifted_scaled_or_rolled_then_angles_and_times_stay(
    shift: tuple[float, float], scale_px_m: float, roll_deg: float
) -> None:
    _, plain = drop_jump()
    _, other = drop_jump(scale_px_m=scale_px_m, roll_deg=roll_deg, size_px=(1600, 2400))
    other = replace(other, xy_px=other.xy_px + np.array(shift))
    expected, found = values(assess(plain)), values(assess(other))
    for (key, side, event), value in expected.items():
        if key in ("fppa", "knee_valgus_displacement"):
            # 0.05 deg: the instants move by a fraction of a millisecond with roll.
            assert found[key, side, event] == pytest.approx(value, abs=0.05)
        if key.endswith("_time"):
            assert found[key, side, event] == pytest.approx(value, abs=0.004)


def test_rate_law_when_the_same_jump_is_filmed_at_other_rates_then_the_values_agree() -> None:
    by_rate = [values(assess(drop_jump(fps=fps)[1])) for fps in (30.0, 60.0, 120.0, 240.0)]
    for key, limit in ((("fppa", Side.LEFT, "peak"), 0.3), (("contact_time", Side.BOTH, "take_off"), 0.002)):
        found = [v for rate in by_rate if (v := rate[key]) is not None]
        assert len(found) == 4
        assert max(found) - min(found) <= limit


def test_assess_when_the_same_track_comes_twice_then_the_result_is_identical() -> None:
    first, second = (assess(drop_jump(noise_m=0.003, seed=4)[1]) for _ in range(2))
    assert isinstance(first, Assessed)
    assert isinstance(second, Assessed)
    assert (first.metrics, first.events, first.findings, first.risk_score) == (
        second.metrics,
        second.events,
        second.findings,
        second.risk_score,
    )
    for name, series in first.kinematics.series.items():
        np.testing.assert_array_equal(series, second.kinematics.series[name])


def test_landmark_offset_when_the_estimator_is_known_then_bent_knees_lose_it_and_straight_ones_do_not() -> (
    None
):
    track = drop_jump()[1]
    known = replace(track, source=PoseSource(estimator="mediapipe 1.2.2", model="full", model_sha256="-"))
    plain, shifted = values(assess(track)), values(assess(known))
    contact, peak = ("fppa", Side.LEFT, "initial_contact"), ("fppa", Side.LEFT, "peak")
    change = ("knee_valgus_displacement", Side.LEFT, "landing")
    for key in (contact, peak, change):
        assert plain[key] is not None
    assert shifted[contact] == pytest.approx(plain[contact], abs=0.3)
    # the thigh looks 0.63 of its length there
    assert plain[peak] - shifted[peak] == pytest.approx(3.0, abs=0.4)
    # so what the landing adds is less, by what the straight leg keeps
    lost = (plain[peak] - shifted[peak]) - (plain[contact] - shifted[contact])
    assert plain[change] - shifted[change] == pytest.approx(lost, abs=0.05)


def test_error_of_the_mean_when_the_athlete_is_turned_then_the_landmarks_of_both_knees_are_less_sure() -> (
    None
):
    square, turned = (
        next(
            m.se
            for m in assess(drop_jump(yaw_deg=yaw_deg, world=True)[1]).metrics
            if (m.key, m.side, m.event) == ("fppa", Side.BOTH, "peak_knee_flexion")
        )
        for yaw_deg in (0.0, 10.0)
    )
    assert square is not None
    assert turned is not None
    assert turned > 1.15 * square


@pytest.mark.parametrize("key", ["fppa", "fppa_frontal"])
def test_error_of_the_mean_when_legs_are_straight_at_contact_then_it_is_less_than_where_they_are_bent(
    key: str,
) -> None:
    outcome = assess(
        drop_jump(fps=240.0, base_deg=(4.0, 4.0), rise_deg=(0.0, 0.0))[1]
    )  # nothing changes: no timing
    at = {m.event: m.se for m in outcome.metrics if (m.key, m.side) == (key, Side.BOTH)}
    straight, bent = at["initial_contact"], at["peak_knee_flexion"]
    assert straight is not None
    assert bent is not None
    assert bent > 1.1 * straight
