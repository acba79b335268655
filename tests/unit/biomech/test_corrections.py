"""What a person puts right changes what it should, and nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from app.biomech import corrections
from app.biomech.corrections import (
    Correction,
    CorrectionError,
    DropTrial,
    MoveEvent,
    MoveKeypoint,
    PickPerson,
    SwapSides,
)
from app.biomech.joints import MIRROR, Joint
from app.biomech.kinematics import prepare_paths
from app.biomech.pipeline import assess_trial
from app.biomech.types import (
    Assessed,
    EventName,
    EventSource,
    Outcome,
    PoseTrack,
    Rejected,
    Severity,
    Sex,
    Side,
    TrialContext,
)
from tests.synth import drop_jump, video_of

WOMAN = TrialContext(stature_cm=171.0, sex=Sex.FEMALE)
FPS = 120.0
UNEQUAL = {"base_deg": (2.0, 4.0), "rise_deg": (16.0, 8.0)}
"""A left knee that goes further in than the right one."""


def assess(track: PoseTrack, *by_hand: Correction) -> Outcome:
    return assess_trial(video=video_of(track), track=track, context=WOMAN, by_hand=by_hand)


def values(outcome: Outcome) -> dict[tuple[str, Side, str], float | None]:
    return {(m.key, m.side, m.event): m.value for m in outcome.metrics}


def codes(outcome: Outcome) -> set[str]:
    return {finding.code for finding in outcome.findings}


def event(outcome: Outcome, name: EventName, side: Side):
    return next(event for event in outcome.events if (event.name, event.side) == (name, side))


def relabelled(track: PoseTrack, frames: slice) -> PoseTrack:
    """Return a track in which the model took left for right in some frames."""
    xy_px = track.xy_px.copy()
    xy_px[frames] = xy_px[frames][:, MIRROR]
    return replace(track, xy_px=xy_px)


def moved(
    track: PoseTrack, joint: Joint, frame: int, *, x_px: float = 0.0, y_px: float = 0.0
) -> MoveKeypoint:
    x, y = track.xy_px[frame, joint]
    return MoveKeypoint(joint=joint, frame=frame, x_px=float(x + x_px), y_px=float(y + y_px))


def test_apply_when_there_is_nothing_to_correct_then_it_is_the_very_same_track() -> None:
    _, track = drop_jump(fps=FPS)
    corrected = corrections.apply(track)
    assert corrected.track is track
    assert not corrected.marks.points.any()
    assert "corrected_by_hand" not in codes(assess(track))


def test_apply_when_done_then_the_track_as_it_was_read_is_untouched() -> None:
    _, track = drop_jump(fps=FPS)
    before = track.xy_px.copy()
    corrections.apply(track, (moved(track, Joint.LEFT_KNEE, 100, x_px=-30.0), SwapSides()))
    assert_array_equal(track.xy_px, before)


def test_event_when_moved_then_its_values_are_read_there_and_it_says_who_placed_it() -> None:
    figure, track = drop_jump(fps=FPS, **UNEQUAL)
    later_s = figure.contact_at_s + 0.05
    automatic = assess(track)
    outcome = assess(track, MoveEvent(name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=later_s))
    placed = event(outcome, EventName.INITIAL_CONTACT, Side.LEFT)
    assert (placed.time_s, placed.source) == (later_s, EventSource.MANUAL)
    assert placed.sd_s == pytest.approx(0.5 / FPS)  # half a frame, see MANUAL_SD_FRAMES
    assert placed.frame == int(np.argmin(np.abs(track.time_s - later_s)))
    assert {e.source for e in outcome.events if e != placed} == {EventSource.AUTO}
    key = ("fppa", Side.LEFT, "initial_contact")
    true_deg = float(figure.fppa(np.array([later_s]), left=True)[0])
    assert values(outcome)[key] == pytest.approx(
        true_deg, abs=0.3
    )  # as near as the automatic one is to its own
    same = {k for k in values(automatic) if k[1] is Side.RIGHT}
    assert {k: values(outcome)[k] for k in same} == {k: values(automatic)[k] for k in same}
    assert isinstance(outcome, Assessed)
    assert "corrected_by_hand" in codes(outcome)


def test_event_when_moved_twice_then_the_last_word_counts() -> None:
    figure, track = drop_jump(fps=FPS)
    times_s = (figure.contact_at_s + 0.03, figure.contact_at_s + 0.01)
    moves = [MoveEvent(name=EventName.INITIAL_CONTACT, side=Side.RIGHT, time_s=t) for t in times_s]
    assert event(assess(track, *moves), EventName.INITIAL_CONTACT, Side.RIGHT).time_s == times_s[1]


def test_event_when_moved_past_the_next_one_then_refused_with_the_reason() -> None:
    figure, track = drop_jump(fps=FPS)
    outcome = assess(
        track, MoveEvent(name=EventName.TAKE_OFF, side=Side.LEFT, time_s=figure.contact_at_s - 0.1)
    )
    assert isinstance(outcome, Rejected)
    assert outcome.findings[0].code == "events_out_of_order"
    assert event(outcome, EventName.TAKE_OFF, Side.LEFT).source is EventSource.MANUAL


def test_event_when_the_movement_has_no_use_for_it_then_it_says_so() -> None:
    figure, track = drop_jump(fps=FPS)
    outcome = assess(track, MoveEvent(name=EventName.TAKE_OFF, side=Side.BOTH, time_s=figure.take_off_s))
    assert (
        next(f for f in outcome.findings if f.code == "correction_without_effect").severity
        is Severity.WARNING
    )


@settings(max_examples=25, deadline=None)
@given(
    fps=st.sampled_from([24.0, 30.0, 60.0, 120.0, 240.0]),
    along=st.floats(0.2, 0.8),
    x_px=st.floats(-120.0, 120.0),
    y_px=st.floats(-120.0, 120.0),
    seed=st.integers(0, 5),
)
def test_point_when_dragged_then_no_filter_takes_it_for_an_outlier(
    fps: float, along: float, x_px: float, y_px: float, seed: int
) -> None:
    """Without the marks, too: the shape of the correction alone must not look like a lone spike."""
    _, track = drop_jump(fps=fps, noise_m=0.003, seed=seed)
    frame = int(along * track.time_s.size)
    corrected = corrections.apply(track, (moved(track, Joint.LEFT_WRIST, frame, x_px=x_px, y_px=y_px),))
    x, y = corrected.track.xy_px[frame, Joint.LEFT_WRIST]
    assert_allclose((x, y), track.xy_px[frame, Joint.LEFT_WRIST] + (x_px, y_px))
    raw = prepare_paths(corrected.track).raw_px[frame, Joint.LEFT_WRIST]
    # the wrist belongs to no segment with a length limit, so only the filter against spikes can drop it
    assert_array_equal(raw, (x, y))


@pytest.mark.parametrize("fps", [30.0, 60.0, 120.0, 240.0])
def test_point_when_dragged_then_smoothing_keeps_most_of_it(fps: float) -> None:
    figure, track = drop_jump(fps=fps)
    frame = int(np.argmin(np.abs(track.time_s - figure.lowest_at_s)))
    corrected = corrections.apply(track, (moved(track, Joint.LEFT_KNEE, frame, x_px=-20.0),))
    smooth = [prepare_paths(t).smooth_px[:, Joint.LEFT_KNEE, 0] for t in (track, corrected.track)]
    kept = (smooth[1] - smooth[0])[frame] / -20.0
    assert (
        0.85 < kept <= 1.02
    )  # a bump 0.2 s wide through the lowest cut-off used, 6 Hz at 30 frames a second


def test_point_when_a_lone_error_is_mended_then_its_neighbours_stay_where_they_are() -> None:
    _, track = drop_jump(fps=FPS)
    xy_px = track.xy_px.copy()
    xy_px[100, Joint.LEFT_KNEE] += (90.0, 40.0)
    x, y = track.xy_px[100, Joint.LEFT_KNEE]
    mend = MoveKeypoint(joint=Joint.LEFT_KNEE, frame=100, x_px=float(x), y_px=float(y))
    mended = corrections.apply(replace(track, xy_px=xy_px), (mend,)).track
    assert_allclose(mended.xy_px, track.xy_px, atol=0.5)  # the path between two frames is not quite straight


def test_point_when_it_was_not_seen_then_it_is_there_and_sure() -> None:
    _, track = drop_jump(fps=FPS)
    xy_px, confidence = track.xy_px.copy(), track.confidence.copy()
    xy_px[90:110, Joint.LEFT_KNEE], confidence[90:110, Joint.LEFT_KNEE] = np.nan, np.nan
    hidden = replace(track, xy_px=xy_px, confidence=confidence)
    corrected = corrections.apply(
        hidden, (MoveKeypoint(joint=Joint.LEFT_KNEE, frame=100, x_px=300.0, y_px=700.0),)
    )
    assert_array_equal(corrected.track.xy_px[100, Joint.LEFT_KNEE], (300.0, 700.0))
    assert corrected.track.confidence[100, Joint.LEFT_KNEE] == 1.0
    assert np.isnan(corrected.track.xy_px[99, Joint.LEFT_KNEE]).all()
    assert np.isfinite(prepare_paths(corrected.track, corrected.marks).raw_px[100, Joint.LEFT_KNEE]).all()


def test_points_when_dragged_close_to_each_other_then_each_is_where_it_was_put() -> None:
    _, track = drop_jump(fps=FPS)
    moves = (
        moved(track, Joint.LEFT_KNEE, 100, x_px=-30.0),
        moved(track, Joint.LEFT_KNEE, 104, x_px=10.0),
        moved(track, Joint.LEFT_KNEE, 160, x_px=25.0),
    )
    path = corrections.apply(track, moves).track.xy_px[:, Joint.LEFT_KNEE, 0]
    shift = path - track.xy_px[:, Joint.LEFT_KNEE, 0]
    assert_allclose(shift[[100, 104, 160]], [-30.0, 10.0, 25.0])
    assert np.all(np.diff(shift[100:105]) > 0)  # from one to the other without a detour
    assert_array_equal(shift[125:140], 0.0)  # further than the reach from each
    assert np.abs(np.diff(shift)).max() < 20.0  # no jump anywhere


def test_point_when_a_segment_becomes_too_long_then_the_persons_word_stands() -> None:
    figure, track = drop_jump(fps=FPS)
    frame = int(np.argmin(np.abs(track.time_s - figure.stand_s)))
    corrected = corrections.apply(track, (moved(track, Joint.LEFT_KNEE, frame, y_px=90.0),))
    assert np.isnan(prepare_paths(corrected.track).raw_px[frame, Joint.LEFT_KNEE, 0]) or not np.allclose(
        prepare_paths(corrected.track).raw_px[frame, Joint.LEFT_KNEE],
        corrected.track.xy_px[frame, Joint.LEFT_KNEE],
    )
    kept = prepare_paths(corrected.track, corrected.marks).raw_px[frame, Joint.LEFT_KNEE]
    assert_array_equal(kept, corrected.track.xy_px[frame, Joint.LEFT_KNEE])


def test_point_when_its_frame_is_exchanged_afterwards_then_it_goes_with_the_leg_it_was_seen_on() -> None:
    """The model exchanged the legs in one frame; the knee drawn as the left one is dragged, and is the right one."""
    _, track = drop_jump(fps=FPS)
    wrong = relabelled(track, slice(100, 101))
    corrected = corrections.apply(wrong, (moved(wrong, Joint.LEFT_KNEE, 100, x_px=4.0),))
    paths = prepare_paths(corrected.track, corrected.marks)
    assert paths.swapped[100]
    assert_allclose(paths.raw_px[100, Joint.RIGHT_KNEE], track.xy_px[100, Joint.RIGHT_KNEE] + (4.0, 0.0))
    assert_allclose(paths.raw_px[100, Joint.LEFT_KNEE], track.xy_px[100, Joint.LEFT_KNEE])


def test_sides_when_wrong_in_the_whole_clip_then_swapping_gives_the_true_result_to_the_last_bit() -> None:
    _, track = drop_jump(fps=FPS, **UNEQUAL)
    assert values(assess(relabelled(track, slice(None)), SwapSides())) == values(assess(track))


def test_sides_when_wrong_for_longer_than_can_be_found_then_swapping_the_frames_mends_it() -> None:
    _, track = drop_jump(fps=FPS, **UNEQUAL)
    first, last = 60, 60 + track.time_s.size // 2
    wrong = relabelled(track, slice(first, last + 1))
    assert values(assess(wrong)) != values(assess(track))
    assert values(assess(wrong, SwapSides(first_frame=first, last_frame=last))) == values(assess(track))


def test_sides_when_swapped_by_hand_then_no_rule_swaps_them_back() -> None:
    _, track = drop_jump(fps=FPS, **UNEQUAL)
    corrected = corrections.apply(track, (SwapSides(first_frame=110, last_frame=120),))
    assert not prepare_paths(corrected.track, corrected.marks).swapped.any()
    assert prepare_paths(corrected.track).swapped[110:121].all()  # what would happen without the mark


def test_sides_when_swapped_then_what_was_placed_before_goes_along_and_twice_is_as_before() -> None:
    figure, track = drop_jump(fps=FPS)
    before = (
        moved(track, Joint.LEFT_KNEE, 100, x_px=-30.0),
        MoveEvent(name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=figure.contact_at_s + 0.01),
    )
    once, twice = (
        corrections.apply(track, (*before, SwapSides())),
        corrections.apply(track, (*before, SwapSides(), SwapSides())),
    )
    assert once.events.keys() == {(EventName.INITIAL_CONTACT, Side.RIGHT, None)}
    assert once.marks.points[100, Joint.RIGHT_KNEE]
    assert twice.events == corrections.apply(track, before).events
    assert_array_equal(twice.track.xy_px, corrections.apply(track, before).track.xy_px)


def test_trial_when_dropped_then_rejected_without_a_score_and_still_measured() -> None:
    _, track = drop_jump(fps=FPS)
    automatic, outcome = assess(track), assess(track, DropTrial())
    assert isinstance(outcome, Rejected)
    assert outcome.findings[0].code == "trial_dropped"
    assert values(outcome) == values(automatic)
    assert outcome.events == automatic.events


def test_person_when_picked_then_the_track_stays_as_it_was_read() -> None:
    _, track = drop_jump(fps=FPS)
    corrected = corrections.apply(track, (PickPerson(frame=3, x_px=10.0, y_px=10.0),))
    assert_array_equal(corrected.track.xy_px, track.xy_px)


@pytest.mark.parametrize(
    ("correction", "field"),
    [
        (MoveEvent(name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=99.0), "time_s"),
        (MoveEvent(name=EventName.INITIAL_CONTACT, side=Side.BOTH, time_s=1.0), "side"),
        (MoveEvent(name=EventName.PEAK_KNEE_FLEXION, side=Side.LEFT, time_s=1.0), "side"),
        (MoveEvent(name=EventName.TAKE_OFF, side=Side.LEFT, time_s=1.0, repetition=2), "repetition"),
        (MoveKeypoint(joint=Joint.LEFT_KNEE, frame=-1, x_px=1.0, y_px=1.0), "frame"),
        (MoveKeypoint(joint=Joint.LEFT_KNEE, frame=100_000, x_px=1.0, y_px=1.0), "frame"),
        (MoveKeypoint(joint=Joint.LEFT_KNEE, frame=1, x_px=721.0, y_px=1.0), "x_px"),
        (MoveKeypoint(joint=Joint.LEFT_KNEE, frame=1, x_px=1.0, y_px=float("nan")), "y_px"),
        (PickPerson(frame=1, x_px=1.0, y_px=-0.5), "y_px"),
        (SwapSides(first_frame=-2), "first_frame"),
        (SwapSides(first_frame=3, last_frame=100_000), "last_frame"),
        (SwapSides(first_frame=9, last_frame=8), "last_frame"),
    ],
)
def test_check_when_it_makes_no_sense_then_refused_by_field(correction: Correction, field: str) -> None:
    _, track = drop_jump(fps=FPS)
    with pytest.raises(CorrectionError) as refusal:
        corrections.check_correction(
            correction, video=video_of(track), track=track, events=assess(track).events
        )
    assert refusal.value.field == field
    assert refusal.value.how_to_fix


def test_check_when_an_event_was_not_found_at_all_then_refused_by_name() -> None:
    _, track = drop_jump(fps=FPS)
    found = [e for e in assess(track).events if e.name is not EventName.TAKE_OFF]
    move = MoveEvent(name=EventName.TAKE_OFF, side=Side.LEFT, time_s=1.0)
    with pytest.raises(CorrectionError) as refusal:
        corrections.check_correction(move, video=video_of(track), track=track, events=found)
    assert refusal.value.field == "name"


def test_check_when_it_makes_sense_then_nothing_is_said() -> None:
    figure, track = drop_jump(fps=FPS)
    for correction in (
        MoveEvent(name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=figure.contact_at_s),
        MoveKeypoint(joint=Joint.NOSE, frame=0, x_px=0.0, y_px=1280.0),
        SwapSides(),
        SwapSides(first_frame=0, last_frame=0),
        PickPerson(frame=0, x_px=720.0, y_px=0.0),
        DropTrial(),
    ):
        corrections.check_correction(
            correction, video=video_of(track), track=track, events=assess(track).events
        )


@pytest.mark.parametrize("seed", range(12))
def test_pipeline_when_anything_is_corrected_anyhow_then_there_is_an_outcome_all_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    _, track = drop_jump(fps=float(rng.choice([24.0, 60.0])), noise_m=0.01, seed=seed)
    n, end_s = track.time_s.size, float(track.time_s[-1])
    joints, names = list(Joint), list(EventName)
    made: list[Correction] = []
    for _ in range(6):
        first, last = sorted(rng.integers(0, n, 2).tolist())
        made.append(
            [
                MoveEvent(
                    name=names[rng.integers(5)],
                    side=list(Side)[rng.integers(3)],
                    time_s=rng.uniform(0, end_s),
                ),
                MoveKeypoint(
                    joint=joints[rng.integers(33)],
                    frame=first,
                    x_px=rng.uniform(0, 720),
                    y_px=rng.uniform(0, 1280),
                ),
                SwapSides(first_frame=first, last_frame=last),
            ][rng.integers(3)]
        )
    outcome = assess(track, *made)
    assert "corrected_by_hand" in codes(outcome)
    for metric in outcome.metrics:
        assert metric.value is None or np.isfinite(metric.value)


def test_check_when_nobody_was_followed_then_only_an_athlete_can_be_picked() -> None:
    video = video_of(drop_jump(fps=FPS)[1])
    pick = PickPerson(frame=3, x_px=10.0, y_px=10.0)
    corrections.check_correction(pick, video=video, track=None, events=())
    with pytest.raises(CorrectionError, match="Nobody was followed"):
        corrections.check_correction(DropTrial(), video=video, track=None, events=())


@pytest.mark.parametrize(
    "correction",
    [
        MoveEvent(name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=1.25),
        MoveKeypoint(joint=Joint.RIGHT_FOOT_INDEX, frame=7, x_px=1.5, y_px=2.25),
        SwapSides(),
        SwapSides(first_frame=1, last_frame=4),
        PickPerson(frame=3, x_px=10.0, y_px=10.0),
        DropTrial(),
    ],
)
def test_correction_when_taken_apart_then_it_can_be_put_together_from_plain_values(
    correction: Correction,
) -> None:
    plain = json.loads(json.dumps(corrections.fields_of(correction)))
    assert corrections.correction_of(corrections.kind_of(correction), plain) == correction
