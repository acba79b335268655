"""Landings, step-downs, lunges, running and cuts: the whole way from a pose track, against closed forms."""

import numpy as np
import pytest

from app.biomech.kinematics import prepare_paths
from app.biomech.metrics import Value
from app.biomech.movements.lateral_step_down import POINTS, probability_above
from app.biomech.strides import seen_from_behind
from app.biomech.types import Assessed, EventName, Movement, Rejected, Side, View
from tests.synth import cut, without
from tests.synth_movements import Camera, Drop, JumpOff, Reps, Run, cut_plant_s, mover
from tests.unit.biomech.support import assess, looks_like, metric, problems, times, value

HELD, ON_ONE, JUMP = Movement.BILATERAL_DROP_LANDING, Movement.SINGLE_LEG_LANDING, Movement.JUMP_LANDING
STEP_DOWN, LUNGE = Movement.LATERAL_STEP_DOWN, Movement.FORWARD_LUNGE
RUN, CUT = Movement.RUNNING, Movement.SIDE_STEP_CUT
IC, PKF, LOWEST, MID = "initial_contact", "peak_knee_flexion", "lowest_point", "mid_stance"
WIDE = Camera(fps=120.0, distance_m=6.0, size_px=(1920, 1080), scale_px_m=250.0)


def camera_of(movement: Movement, **changes: object) -> Camera:
    if movement is CUT:
        changes = {"size_px": (1920, 1080), **changes}
    return Camera(**changes)  # type: ignore[arg-type]  # parameters by name, checked by the dataclass


# --- landings ---


@pytest.mark.parametrize("movement", [HELD, ON_ONE])
@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0, 240.0])
def test_landing_when_there_is_no_noise_then_contact_and_lowest_point_are_the_closed_form_ones(
    movement: Movement, fps: float
) -> None:
    figure, track = mover(movement, camera=Camera(fps=fps, phase=0.3))
    assert isinstance(figure, Drop)
    outcome = assess(track, movement)
    assert isinstance(outcome, Assessed)
    assert problems(outcome) <= {"fps_low"}
    assert times(outcome, EventName.INITIAL_CONTACT)[0] == pytest.approx(figure.contact_s, abs=0.003)
    # The lowest point of a body that is braked fast and rises slowly is not the middle of a parabola.
    assert times(outcome, EventName.PEAK_KNEE_FLEXION)[0] == pytest.approx(figure.lowest_s, abs=0.02)
    assert value(outcome, "fppa", Side.LEFT, "peak") == pytest.approx(14.0, abs=0.6)
    assert outcome.risk_score is None


def test_landing_on_both_legs_when_held_then_both_knees_and_no_jump_are_reported() -> None:
    outcome = assess(mover(HELD)[1], HELD)
    assert value(outcome, "fppa", Side.RIGHT, PKF) == pytest.approx(10.0, abs=0.3)
    assert value(outcome, "landing_sway", Side.BOTH, "landing") == pytest.approx(0.0, abs=0.3)
    assert not {m.key for m in outcome.metrics} & {"contact_time", "flight_time", "jump_height"}


def test_landing_on_one_leg_when_measured_then_only_the_standing_leg_is() -> None:
    outcome = assess(mover(ON_ONE)[1], ON_ONE)
    assert {m.side for m in outcome.metrics if m.key == "fppa"} == {Side.LEFT}
    assert {e.side for e in outcome.events if e.name is not EventName.STEP_OFF} == {Side.LEFT}
    assert value(outcome, "trunk_lean_to_stance", Side.LEFT, PKF) == pytest.approx(6.0, abs=0.3)
    rise = value(outcome, "knee_valgus_displacement", Side.LEFT, "landing")
    at_contact = value(outcome, "fppa", Side.LEFT, IC)
    assert rise == pytest.approx(value(outcome, "fppa", Side.LEFT, "peak") - at_contact, abs=0.1)


@pytest.mark.parametrize("movement", [HELD, ON_ONE])
def test_landing_when_the_clip_ends_too_soon_then_it_is_said(movement: Movement) -> None:
    figure, track = mover(movement)
    assert isinstance(figure, Drop)
    outcome = assess(cut(track, stop_s=figure.contact_s + 1.3), movement)
    assert "hold_too_short" in problems(outcome)


@pytest.mark.parametrize("movement", [HELD, ON_ONE])
def test_landing_when_the_foot_hops_afterwards_then_it_is_said(movement: Movement) -> None:
    from dataclasses import replace

    figure, track = mover(movement)
    assert isinstance(figure, Drop)
    xy_px = track.xy_px.copy()
    later = track.time_s > figure.lowest_s + 0.8
    xy_px[later, :, 0] += 60.0
    outcome = assess(replace(track, xy_px=xy_px), movement)
    assert "landing_not_held" in problems(outcome)


@pytest.mark.parametrize("movement", [HELD, ON_ONE])
def test_landing_when_the_athlete_is_lost_in_it_then_it_is_refused(movement: Movement) -> None:
    figure, track = mover(movement, camera=Camera(fps=120.0))
    assert isinstance(figure, Drop)
    outcome = assess(without(track, start_s=figure.lowest_s - 0.14, stop_s=figure.lowest_s + 0.14), movement)
    assert isinstance(outcome, Rejected)


def test_jump_landing_when_measured_then_its_times_and_angles_are_the_closed_form_ones() -> None:
    figure, track = mover(JUMP, camera=Camera(fps=120.0))
    assert isinstance(figure, JumpOff)
    outcome = assess(track, JUMP)
    assert isinstance(outcome, Assessed)
    assert times(outcome, EventName.INITIAL_CONTACT)[0] == pytest.approx(figure.contact_s, abs=0.003)
    assert times(outcome, EventName.TAKE_OFF)[0] == pytest.approx(figure.take_off_s, abs=0.003)
    assert value(outcome, "fppa", Side.LEFT, PKF) == pytest.approx(14.0, abs=0.3)
    assert outcome.risk_score is None


@pytest.mark.parametrize(("ahead_m", "flight_s"), [(1.1, 0.48)])
def test_jump_landing_when_it_clearly_goes_forward_then_a_drop_jump_is_measured_with_a_warning(
    ahead_m: float, flight_s: float
) -> None:
    _, track = mover(JUMP, camera=Camera(distance_m=4.0), ahead_m=ahead_m, flight_s=flight_s)
    assert looks_like(assess(track, JUMP)) == ""
    outcome = assess(track, Movement.DROP_VERTICAL_JUMP)
    assert isinstance(outcome, Assessed)
    assert looks_like(outcome) == "a jump forward off a box"
    side = mover(JUMP, camera=Camera(yaw_deg=90.0, size_px=(1920, 1080)), ahead_m=ahead_m)[1]
    assert (
        looks_like(assess(side, Movement.DROP_VERTICAL_JUMP, view=View.SAGITTAL))
        == "a jump forward off a box"
    )


# --- step-down and lunge ---


@pytest.mark.parametrize("movement", [STEP_DOWN, LUNGE])
@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0])
def test_repetitions_when_on_a_step_or_in_a_lunge_then_found_numbered_and_measured(
    movement: Movement, fps: float
) -> None:
    figure, track = mover(movement, camera=Camera(fps=fps, noise_m=0.002, seed=3))
    outcome = assess(track, movement)
    assert isinstance(outcome, Assessed)
    assert isinstance(figure, Reps)
    assert times(outcome, EventName.LOWEST_POINT) == pytest.approx(figure.lowest_s, abs=0.03)
    assert value(outcome, "fppa", Side.LEFT, LOWEST) == pytest.approx(14.0, abs=1.0)
    assert value(outcome, "trunk_lean_to_stance", Side.LEFT, LOWEST) == pytest.approx(6.0, abs=0.6)
    assert {m.side for m in outcome.metrics if m.key == "fppa"} == {Side.LEFT}


def test_step_down_when_scored_then_five_points_are_judged_and_the_unsteady_one_stays_open() -> None:
    _, track = mover(STEP_DOWN)
    outcome = assess(track, STEP_DOWN)
    judged = {key: value(outcome, key, Side.LEFT, "trial") for key in POINTS}
    assert all(0.0 <= p <= 1.0 for p in judged.values())
    assert judged["step_down_trunk"] < 0.1
    assert judged["step_down_knee_over_toe"] > judged["step_down_knee_inside_foot"]
    assert value(outcome, "step_down_score", Side.LEFT, "trial") == pytest.approx(sum(judged.values()))
    assert metric(outcome, "step_down_unsteady", Side.LEFT, "trial").value is None
    assert "step_down_partly_visible" in {f.code for f in outcome.findings}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"lean_deg": 16.0}, "step_down_trunk"),
        ({"drop_deg": 14.0}, "step_down_pelvis"),
        ({"rise_deg": (36.0, 0.0)}, "step_down_knee_inside_foot"),
    ],
)
def test_step_down_when_one_thing_is_clearly_wrong_then_that_point_is_nearly_sure(
    changes: dict[str, object], key: str
) -> None:
    outcome = assess(mover(STEP_DOWN, **changes)[1], STEP_DOWN)
    assert value(outcome, key, Side.LEFT, "trial") > 0.9


def test_step_down_when_the_hands_were_not_seen_then_the_score_is_open() -> None:
    from dataclasses import replace

    _, track = mover(STEP_DOWN)
    xy_px = track.xy_px.copy()
    xy_px[:, 15:17] = np.nan
    outcome = assess(replace(track, xy_px=xy_px), STEP_DOWN)
    assert metric(outcome, "step_down_arms", Side.LEFT, "trial").value is None
    assert metric(outcome, "step_down_score", Side.LEFT, "trial").value is None


def test_probability_when_there_is_no_value_then_not_a_number() -> None:
    assert np.isnan(probability_above(Value(value=float("nan"), se=1.0), 0.0))


# --- running ---


@pytest.mark.parametrize("fps", [60.0, 120.0, 240.0])
@pytest.mark.parametrize("yaw_deg", [0.0, 180.0], ids=["front", "behind"])
def test_running_when_seen_from_the_front_or_from_behind_then_stances_and_angles_are_the_athletes_own(
    fps: float, yaw_deg: float
) -> None:
    figure, track = mover(RUN, camera=Camera(fps=fps, yaw_deg=yaw_deg))
    assert isinstance(figure, Run)
    outcome = assess(track, RUN)
    assert isinstance(outcome, Assessed)
    assert problems(outcome) == set()
    assert ("filmed_from_behind" in {f.code for f in outcome.findings}) == (yaw_deg == 180.0)
    assert seen_from_behind(prepare_paths(track)) == (yaw_deg == 180.0)
    for side, knee, left in ((Side.LEFT, 9.0, True), (Side.RIGHT, 6.0, False)):
        assert value(outcome, "fppa", side, MID) == pytest.approx(knee, abs=0.3)
        assert value(outcome, "trunk_lean_to_stance", side, MID) == pytest.approx(3.0, abs=0.2)
        assert value(outcome, "pelvic_drop", side, MID) == pytest.approx(4.0, abs=0.2)
        middles = times(outcome, EventName.MID_STANCE, side)
        true = [at_s + 0.5 * figure.stance_s for at_s in figure.strikes(left)]
        # The clip starts in a left stance, which is cut off and not counted.
        assert middles == pytest.approx(
            [at_s for at_s in true if 0.3 < at_s < figure.end_s][: len(middles)], abs=0.01
        )
        strikes = times(outcome, EventName.FOOT_STRIKE, side)
        assert np.mean(np.subtract(middles, strikes)) == pytest.approx(0.5 * figure.stance_s, abs=0.03)
    assert value(outcome, "step_width", Side.BOTH, MID) == pytest.approx(100 * 0.10 / 0.84, abs=2.5)
    assert value(outcome, "cadence", Side.BOTH, "trial") == pytest.approx(120.0 / figure.cycle_s, abs=1.0)


def test_running_when_the_feet_cross_then_the_step_width_is_negative() -> None:
    outcome = assess(mover(RUN, width_m=-0.04)[1], RUN)
    assert value(outcome, "step_width", Side.BOTH, MID) < 0.0


def test_running_when_there_are_few_strides_then_it_is_said() -> None:
    assert "few_strides" in problems(assess(mover(RUN, n_strides=4)[1], RUN))


def test_running_when_each_stride_is_asked_for_then_it_is_there_with_its_number() -> None:
    outcome = assess(mover(RUN)[1], RUN)
    single = [m for m in outcome.metrics if (m.key, m.side) == ("fppa", Side.RIGHT) and m.repetition]
    assert [m.repetition for m in single] == list(range(1, len(single) + 1))
    assert all(m.value == pytest.approx(6.0, abs=0.4) for m in single)


# --- cut ---


@pytest.mark.parametrize("mirrored", [False, True])
def test_cut_when_a_foot_is_planted_then_it_is_flagged_with_its_items_and_no_knee_angle(
    mirrored: bool,
) -> None:
    figure, track = mover(CUT, camera=WIDE, mirrored=mirrored)
    assert isinstance(figure, Run)
    outcome = assess(track, CUT)
    assert isinstance(outcome, Assessed)
    side = Side.RIGHT if mirrored else Side.LEFT
    assert times(outcome, EventName.PLANT, side) == pytest.approx([cut_plant_s(figure)], abs=0.04)
    assert {flag.reason for flag in outcome.flagged_frames} == {"plant", "mid_stance"}
    assert value(outcome, "cut_wide_plant", side, "plant") > 0.9
    assert value(outcome, "cut_trunk_lean", side, "plant") > 0.8
    assert metric(outcome, "cut_knee_valgus_motion", side, "plant").value is None
    assert not {m.key for m in outcome.metrics} & {"fppa", "knee_valgus_displacement"}
    assert np.isnan(outcome.kinematics.series["fppa_left_deg"]).all()


def test_cut_when_filmed_from_behind_then_it_is_refused() -> None:
    outcome = assess(mover(CUT, camera=camera_of(CUT, yaw_deg=180.0))[1], CUT)
    assert isinstance(outcome, Rejected)
    assert "facing_away" in problems(outcome)
