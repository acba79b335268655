"""When things happen in a drop jump, on the stick figure with closed-form truth."""

from dataclasses import replace

import numpy as np
import pytest

from app.biomech.corrections import MoveEvent
from app.biomech.pipeline import assess_trial
from app.biomech.types import (
    Assessed,
    EventName,
    EventSource,
    Outcome,
    Rejected,
    Severity,
    Sex,
    Side,
    TrialContext,
    Verdict,
)
from tests.synth import cut, drop_jump, video_of, without
from tests.unit.biomech.landing_support import WOMAN, assess, codes, problems, time_of, value_of, values


def message_of(outcome: Outcome, code: str) -> str:
    return next(finding.message for finding in outcome.findings if finding.code == code)


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 120.0, 240.0])
def test_events_when_there_is_no_noise_then_each_is_within_2_ms_of_its_closed_form(fps: float) -> None:
    figure, track = drop_jump(fps=fps, phase=0.3)
    outcome = assess(track)
    for side in (Side.LEFT, Side.RIGHT):
        assert time_of(outcome, EventName.INITIAL_CONTACT, side) == pytest.approx(
            figure.contact_at_s, abs=0.002
        )
        assert time_of(outcome, EventName.TAKE_OFF, side) == pytest.approx(figure.take_off_s, abs=0.002)
        assert time_of(outcome, EventName.SECOND_CONTACT, side) == pytest.approx(
            figure.second_contact_s, abs=0.002
        )
    assert time_of(outcome, EventName.PEAK_KNEE_FLEXION, Side.BOTH) == pytest.approx(
        figure.lowest_at_s, abs=0.002
    )
    assert time_of(outcome, EventName.STEP_OFF, Side.BOTH) == pytest.approx(figure.step_off_s, abs=0.005)


@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0])
def test_contact_when_landmarks_jitter_by_15_mm_then_it_is_within_a_frame(fps: float) -> None:
    errors = []
    for seed in range(12):
        figure, track = drop_jump(fps=fps, phase=seed / 12, noise_m=0.015, seed=seed)
        outcome = assess(track)
        errors += [
            time_of(outcome, EventName.INITIAL_CONTACT, side) - figure.contact_at_s
            for side in (Side.LEFT, Side.RIGHT)
        ]
    # Nine in ten: 15 mm at 2.4 m/s is 6 ms by itself.
    assert np.quantile(np.abs(errors), 0.9) <= max(1.0 / fps, 0.0125)


def test_times_and_height_when_measured_then_they_are_the_closed_form_ones() -> None:
    _, track = drop_jump()
    outcome = assess(track)
    assert value_of(outcome, "contact_time", Side.BOTH, "take_off") == pytest.approx(0.35, abs=0.002)
    assert value_of(outcome, "flight_time", Side.BOTH, "second_contact") == pytest.approx(0.49462, abs=0.002)
    assert value_of(outcome, "jump_height", Side.BOTH, "second_contact") == pytest.approx(0.300, abs=0.003)
    assert value_of(outcome, "reactive_strength_index", Side.BOTH, "second_contact") == pytest.approx(
        0.857, abs=0.01
    )


@pytest.mark.parametrize(("slow", "fps"), [(3.0, 60.0), (0.5, 60.0)])
def test_retimed_when_no_factor_of_an_export_fits_then_it_is_refused(slow: float, fps: float) -> None:
    outcome = assess(drop_jump(slow=slow, fps=fps)[1])
    assert isinstance(outcome, Rejected)
    assert "retimed_video" in codes(outcome, Severity.ERROR)
    assert values(outcome)["contact_time", Side.BOTH, "take_off"] is None


@pytest.mark.parametrize("context", [WOMAN, TrialContext()], ids=["stature known", "unknown"])
@pytest.mark.parametrize(("slow", "fps"), [(8.0, 240.0), (4.0, 120.0), (2.0, 60.0)])
def test_retimed_when_a_phone_slowed_the_export_then_it_is_measured_at_its_true_speed_and_says_so(
    slow: float, fps: float, context: TrialContext
) -> None:
    figure, slowed = drop_jump(slow=slow, fps=fps, rise_deg=(12.0, 7.0))
    outcome, true = assess(slowed, context), assess(drop_jump(fps=fps, rise_deg=(12.0, 7.0))[1], context)
    assert isinstance(outcome, Assessed)
    assert isinstance(true, Assessed)
    assert outcome.verdict is Verdict.ATTENTION
    assert f"plays {slow:.0f} times faster" in message_of(outcome, "retimed_corrected")
    for key, value in values(true).items():
        assert values(outcome)[key] == pytest.approx(value, abs=1e-6)
    # what names a place in the video stays on the video's clock
    assert time_of(outcome, EventName.TAKE_OFF, Side.LEFT) == pytest.approx(
        slow * figure.take_off_s, abs=slow * 0.003
    )
    assert [event.frame for event in outcome.events] == [event.frame for event in true.events]
    np.testing.assert_allclose(outcome.kinematics.time_s, slowed.time_s)
    for flagged in outcome.flagged_frames:
        assert flagged.time_s == pytest.approx(slowed.time_s[flagged.frame])


def test_retimed_when_an_event_was_placed_by_hand_then_it_stays_where_it_was_placed() -> None:
    figure, slowed = drop_jump(slow=4.0, fps=120.0)
    at_s = 4.0 * figure.take_off_s + 0.02
    outcome = assess_trial(
        video=video_of(slowed),
        track=slowed,
        context=WOMAN,
        by_hand=(MoveEvent(name=EventName.TAKE_OFF, side=Side.LEFT, time_s=at_s),),
    )
    placed = [event for event in outcome.events if event.source is EventSource.MANUAL]
    assert [event.time_s for event in placed] == [pytest.approx(at_s)]


@pytest.mark.parametrize("stature_cm", [None, 150.0, 171.0, 195.0])
def test_retimed_when_the_file_is_true_then_nothing_is_said(stature_cm: float | None) -> None:
    outcome = assess(drop_jump(noise_m=0.003)[1], TrialContext(stature_cm=stature_cm, sex=Sex.FEMALE))
    assert problems(outcome) == set()


def test_one_foot_first_when_it_leaves_the_box_first_then_the_drop_is_measured_all_the_same() -> None:
    figure, track = drop_jump(lead_s=0.3)
    outcome = assess(track)
    assert problems(outcome) == set()
    assert time_of(outcome, EventName.INITIAL_CONTACT, Side.RIGHT) == pytest.approx(
        figure.contact_at_s, abs=0.002
    )


def test_one_foot_first_when_it_lands_first_then_both_contacts_are_found_and_it_is_said() -> None:
    figure, track = drop_jump(delay_s=0.08)
    outcome = assess(track)
    assert problems(outcome) == {"feet_not_together"}
    assert "The right foot landed 80 ms first." in next(
        f.message for f in outcome.findings if f.code == "feet_not_together"
    )
    left, right = (time_of(outcome, EventName.INITIAL_CONTACT, side) for side in (Side.LEFT, Side.RIGHT))
    assert left - right == pytest.approx(0.08, abs=0.003)
    assert value_of(outcome, "contact_time", Side.BOTH, "take_off") == pytest.approx(
        figure.contact_s, abs=0.003
    )


def test_long_stand_when_the_athlete_waits_on_the_box_then_it_makes_no_difference() -> None:
    figure, track = drop_jump(stand_s=4.0, after_s=3.0)
    outcome = assess(track)
    assert problems(outcome) == set()
    assert time_of(outcome, EventName.INITIAL_CONTACT, Side.LEFT) == pytest.approx(
        figure.contact_at_s, abs=0.002
    )


def test_second_landing_when_the_clip_ends_before_then_height_is_withheld_and_said() -> None:
    figure, track = drop_jump()
    outcome = assess(cut(track, stop_s=figure.second_contact_s - 0.05))
    assert isinstance(outcome, Assessed)
    assert problems(outcome) == {"second_landing_missing"}
    assert values(outcome)["jump_height", Side.BOTH, "second_contact"] is None
    assert value_of(outcome, "contact_time", Side.BOTH, "take_off") == pytest.approx(0.35, abs=0.002)


def test_start_when_the_clip_begins_in_the_air_then_the_landing_is_measured_without_step_off() -> None:
    figure, track = drop_jump()
    outcome = assess(cut(track, start_s=figure.contact_at_s - 0.2))
    assert isinstance(outcome, Assessed)
    assert problems(outcome) == {"starts_too_late"}
    assert EventName.STEP_OFF not in {event.name for event in outcome.events}


def test_start_when_the_box_was_out_of_sight_then_leaving_it_is_left_out_quietly() -> None:
    figure, track = drop_jump()
    hidden = without(track, start_s=-1.0, stop_s=figure.step_off_s + 0.06)
    outcome = assess(hidden)
    assert isinstance(outcome, Assessed)
    assert "step_off_unclear" in codes(outcome, Severity.INFO)
    assert EventName.STEP_OFF not in {event.name for event in outcome.events}


def test_rebound_when_the_athlete_stays_down_then_the_landing_is_measured_and_it_is_said() -> None:
    figure, track = drop_jump(contact_s=1.4)
    outcome = assess(cut(track, stop_s=figure.lowest_at_s + 0.45))
    assert isinstance(outcome, Assessed)
    assert "no_rebound_jump" in problems(outcome)
    assert values(outcome)["contact_time", Side.BOTH, "take_off"] is None
    assert time_of(outcome, EventName.INITIAL_CONTACT, Side.LEFT) == pytest.approx(
        figure.contact_at_s, abs=0.003
    )


def test_speed_when_a_video_runs_too_fast_then_it_says_faster_and_times_are_withheld() -> None:
    _, track = drop_jump(fps=60.0)
    outcome = assess(replace(track, time_s=track.time_s / 2.0))
    assert isinstance(outcome, Rejected)
    message = next(f.message for f in outcome.findings if f.code == "retimed_video")
    assert "2.0 times faster" in message
    assert values(outcome)["contact_time", Side.BOTH, "take_off"] is None
