"""What is said of a drop jump that was filmed or done otherwise than it should be, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from app.biomech.joints import MIRROR, Joint
from app.biomech.pipeline import assess_trial
from app.biomech.quality import FINDINGS, make_finding
from app.biomech.types import (
    Assessed,
    EventName,
    PoseTrack,
    Rejected,
    Severity,
    Side,
    Verdict,
    View,
)
from tests.synth import DropJump, cut, drop_jump, video_of, with_hips, without
from tests.unit.biomech.landing_support import WOMAN, assess, codes, problems, time_of, value_of, values

FRAMES = np.arange(180) / 60


@pytest.mark.parametrize("yaw_deg", [0.0, 2.0, -2.0])
def test_view_when_the_athlete_is_square_then_nothing_is_said(yaw_deg: float) -> None:
    assert problems(assess(drop_jump(yaw_deg=yaw_deg)[1])) == set()


@pytest.mark.parametrize("yaw_deg", [8.0, -8.0])
@pytest.mark.parametrize("world", [False, True])
def test_view_when_the_athlete_is_turned_a_little_then_the_mean_is_kept_and_sides_get_its_error(
    yaw_deg: float, world: bool
) -> None:
    outcome, square = assess(drop_jump(yaw_deg=yaw_deg, world=world)[1]), assess(drop_jump()[1])
    assert isinstance(outcome, Assessed)
    assert problems(outcome) == {"athlete_not_square"}
    mean = value_of(outcome, "fppa", Side.BOTH, "peak_knee_flexion")
    assert mean == pytest.approx(value_of(square, "fppa", Side.BOTH, "peak_knee_flexion"), abs=2.0)
    errors = {m.side: m.se for m in outcome.metrics if (m.key, m.event) == ("fppa", "peak_knee_flexion")}
    assert errors[Side.BOTH] is not None
    assert errors[Side.LEFT] is not None
    assert errors[Side.LEFT] > 3.0 * errors[Side.BOTH]
    own = {m.side: m for m in outcome.metrics if (m.key, m.event) == ("fppa_frontal", "peak_knee_flexion")}
    assert own[Side.LEFT].se is not None
    assert own[Side.LEFT].se < 0.6 * errors[Side.LEFT]
    found = value_of(outcome, "fppa", Side.LEFT, "peak_knee_flexion")
    true = value_of(square, "fppa", Side.LEFT, "peak_knee_flexion")
    assert abs(found - true) <= 1.96 * errors[Side.LEFT]
    assert outcome.risk_score is not None
    assert {c.side for c in outcome.risk_score.components if c.key != "foot_contact_difference"} == {
        Side.BOTH
    }


@pytest.mark.parametrize("yaw_deg", [20.0, -40.0, 90.0, 180.0])
def test_view_when_the_camera_is_oblique_then_no_valgus_is_reported_and_times_are_kept(
    yaw_deg: float,
) -> None:
    figure, track = drop_jump(yaw_deg=yaw_deg)
    outcome = assess(track)
    assert isinstance(outcome, Rejected)
    assert outcome.verdict is Verdict.INVALID
    assert "view_not_frontal" in codes(outcome, Severity.ERROR)
    assert ("facing_away" in problems(outcome)) == (yaw_deg == 180.0)
    timing = {"contact_time", "flight_time", "jump_height", "reactive_strength_index"}
    assert all((m.value is None) == (m.key not in timing) for m in outcome.metrics)
    assert time_of(outcome, EventName.INITIAL_CONTACT, Side.LEFT) == pytest.approx(
        figure.contact_at_s, abs=0.002
    )
    assert "peak_valgus" not in {flag.reason for flag in outcome.flagged_frames}


def test_view_when_the_clip_is_sagittal_then_times_are_given_and_valgus_is_not() -> None:
    figure, track = drop_jump(yaw_deg=90.0)
    outcome = assess(track, replace(WOMAN, view=View.SAGITTAL))
    assert isinstance(outcome, Assessed)
    assert outcome.risk_score is None
    assert "fppa" not in {metric.key for metric in outcome.metrics}
    assert values(outcome)["contact_time", Side.BOTH, "take_off"] == pytest.approx(0.35, abs=0.002)
    assert "frontal_values_left_out" in codes(outcome, Severity.INFO)
    # The figure's knee folds by twice the arc cosine of the shortening of the leg.
    contact = outcome.kinematics.time_s < figure.take_off_s
    assert np.nanmax(outcome.kinematics.series["knee_flexion_right_deg"][contact]) == pytest.approx(
        94.5, abs=2.0
    )


@pytest.mark.parametrize(
    ("track", "looks_like"),
    [
        (with_hips(DropJump(), FRAMES, np.zeros(180)), "standing still"),
        (with_hips(DropJump(), FRAMES, 0.3 * np.sin(np.pi * FRAMES / 1.5) ** 2), "a squat on both legs"),
        (
            with_hips(DropJump(), FRAMES, 0.2 * np.sin(np.pi * FRAMES / 3.0) ** 2, lift_left_m=0.25),
            "a squat on one leg",
        ),
        (cut(drop_jump(contact_s=0.5)[1], start_s=1.1), "a jump from the floor"),
    ],
    ids=["standing", "squat", "single-leg squat", "floor jump"],
)
def test_wrong_movement_when_no_drop_is_shown_then_it_is_named_and_never_measured(
    track: PoseTrack, looks_like: str
) -> None:
    outcome = assess(track)
    assert isinstance(outcome, Rejected)
    assert {"wrong_movement", "no_landing_found"} <= codes(outcome, Severity.ERROR)
    assert f"It looks like {looks_like}." in next(
        f.message for f in outcome.findings if f.code == "wrong_movement"
    )
    assert outcome.metrics == ()
    assert outcome.events == ()


def test_no_landing_when_somebody_only_walks_about_then_it_is_refused() -> None:
    figure, track = drop_jump()
    xy_px = track.xy_px.copy()
    still = track.time_s < figure.step_off_s - 0.1
    xy_px[:] = xy_px[still][0]
    for sign, side in ((1.0, "LEFT"), (-1.0, "RIGHT")):
        step = np.maximum(sign * np.sin(2 * np.pi * track.time_s), 0.0) * 60.0
        for part in ("ANKLE", "HEEL", "FOOT_INDEX"):
            xy_px[:, Joint[f"{side}_{part}"], 1] -= step
    outcome = assess(replace(track, xy_px=xy_px))
    assert isinstance(outcome, Rejected)
    assert "no_landing_found" in codes(outcome, Severity.ERROR)


def test_nobody_when_no_body_was_found_then_it_is_refused() -> None:
    _, track = drop_jump()
    empty = replace(
        track, xy_px=np.full_like(track.xy_px, np.nan), confidence=np.full_like(track.confidence, np.nan)
    )
    outcome = assess(empty)
    assert isinstance(outcome, Rejected)
    assert "no_person" in codes(outcome, Severity.ERROR)


def test_feet_when_they_were_never_seen_then_it_is_refused() -> None:
    _, track = drop_jump()
    confidence = track.confidence.copy()
    confidence[:, Joint.LEFT_HEEL :] = 0.0
    outcome = assess(replace(track, confidence=confidence))
    assert isinstance(outcome, Rejected)
    assert "landing_not_tracked" in codes(outcome, Severity.ERROR)


@pytest.mark.parametrize(
    ("lost_s", "code", "verdict"),
    [
        (0.09, None, Verdict.VALID),
        (0.15, "low_confidence", Verdict.ATTENTION),
        (0.25, "landing_not_tracked", Verdict.INVALID),
    ],
)
def test_gap_when_the_athlete_is_lost_in_the_landing_then_its_length_decides(
    lost_s: float, code: str | None, verdict: Verdict
) -> None:
    figure, track = drop_jump(fps=120.0)
    middle = figure.lowest_at_s + 0.02
    outcome = assess(without(track, start_s=middle - lost_s / 2, stop_s=middle + lost_s / 2))
    assert outcome.verdict is verdict
    assert problems(outcome) == ({code} if code else set())
    assert outcome.kinematics is not None
    inside = np.abs(outcome.kinematics.time_s - middle) < 0.03
    # A short gap is filled; a longer one stays a gap.
    assert np.isfinite(outcome.kinematics.series["fppa_left_deg"][inside]).all() == (code is None)


def test_swap_when_the_model_exchanges_the_legs_for_some_frames_then_they_are_put_right_and_it_is_said() -> (
    None
):
    figure, track = drop_jump(rise_deg=(10.0, 20.0))
    xy_px = track.xy_px.copy()
    wrong = np.abs(track.time_s - figure.lowest_at_s) < 0.04
    xy_px[wrong] = track.xy_px[wrong][:, MIRROR]
    outcome = assess(replace(track, xy_px=xy_px))
    assert "left_right_swapped" in problems(outcome)
    assert value_of(outcome, "fppa", Side.RIGHT, "peak") == pytest.approx(22.0, abs=0.5)
    assert value_of(outcome, "fppa", Side.LEFT, "peak") == pytest.approx(12.0, abs=0.5)


def test_spike_when_one_frame_is_tracked_wrongly_then_it_does_not_show() -> None:
    figure, track = drop_jump()
    xy_px = track.xy_px.copy()
    xy_px[int((figure.lowest_at_s + 0.05) * 60)] += 150.0
    plain, spiked = values(assess(track)), values(assess(replace(track, xy_px=xy_px)))
    for key, value in plain.items():
        # 0.1: the frame is filled from its neighbours.
        assert spiked[key] == pytest.approx(value, abs=0.1)


def test_picture_edge_when_the_feet_leave_it_in_the_landing_then_it_is_refused() -> None:
    _, track = drop_jump()
    lowered = replace(track, xy_px=track.xy_px + np.array([0.0, 300.0]))
    outcome = assess(lowered)
    assert isinstance(outcome, Rejected)
    assert "feet_out_of_frame" in codes(outcome, Severity.ERROR)
    assert values(outcome)["fppa", Side.BOTH, "peak"] is None


def test_picture_edge_when_they_leave_it_only_after_the_jump_then_it_is_a_warning() -> None:
    figure, track = drop_jump()
    xy_px = track.xy_px.copy()
    late = track.time_s > figure.take_off_s + 0.1
    for side in ("LEFT", "RIGHT"):
        xy_px[np.ix_(late, [Joint[f"{side}_FOOT_INDEX"]])] += np.array([800.0, 0.0])
    outcome = assess(replace(track, xy_px=xy_px))
    assert "feet_out_of_frame" in codes(outcome, Severity.WARNING)
    assert outcome.verdict is Verdict.ATTENTION


def test_picture_edge_when_head_and_shoulders_leave_it_then_it_is_said() -> None:
    _, track = drop_jump()
    xy_px = track.xy_px.copy()
    xy_px[:, Joint.LEFT_SHOULDER, 0] += 900.0
    assert "body_out_of_frame" in problems(assess(replace(track, xy_px=xy_px)))


def test_people_when_somebody_else_is_in_the_picture_then_it_is_said() -> None:
    _, track = drop_jump()
    crowded = replace(track, n_people=np.full(track.time_s.size, 2.0), bystander_ratio=0.8)
    assert problems(assess(crowded)) == {"multiple_people"}
    far = replace(crowded, bystander_ratio=0.1)
    assert problems(assess(far)) == set()


def test_rate_when_it_is_low_or_unusable_then_it_is_said() -> None:
    assert problems(assess(drop_jump(fps=30.0)[1])) == {"fps_low"}
    slowest = assess(drop_jump(fps=15.0)[1])
    assert isinstance(slowest, Rejected)
    assert "fps_too_low" in codes(slowest, Severity.ERROR)


def test_frames_when_some_are_missing_from_the_file_then_it_is_said() -> None:
    figure, track = drop_jump(fps=120.0)
    keep = np.abs(track.time_s - figure.lowest_at_s) > 0.03
    thinned = replace(
        track,
        time_s=track.time_s[keep],
        xy_px=track.xy_px[keep],
        confidence=track.confidence[keep],
        n_people=track.n_people[keep],
    )
    assert problems(assess(thinned)) == {"frames_missing"}


def test_size_when_the_athlete_is_far_away_then_it_is_said() -> None:
    assert problems(assess(drop_jump(scale_px_m=120.0)[1])) == {"athlete_too_small"}


def test_tilt_when_the_camera_is_not_level_then_it_is_said() -> None:
    assert problems(assess(drop_jump(roll_deg=6.0)[1])) == {"camera_tilted"}


def test_depth_when_the_thighs_come_near_horizontal_then_the_angle_is_doubted() -> None:
    outcome = assess(drop_jump(contact_s=0.75)[1])
    assert "deep_landing" in problems(outcome)


def test_known_findings_when_the_reader_passes_them_then_they_count_in_the_verdict() -> None:
    _, track = drop_jump()
    warned = assess_trial(
        video=video_of(track), track=track, context=WOMAN, findings=(make_finding("camera_moved", frame=7),)
    )
    assert warned.verdict is Verdict.ATTENTION
    assert (7, "camera_moved") in {(flag.frame, flag.reason) for flag in warned.flagged_frames}
    refused = assess_trial(
        video=video_of(track), track=track, context=WOMAN, findings=(make_finding("wrong_person_risk"),)
    )
    assert isinstance(refused, Rejected)


def test_codes_when_listed_then_each_is_text() -> None:
    assert all(isinstance(code, str) for code in FINDINGS)
