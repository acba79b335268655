"""Joining a recording from the front and one from the side by their own events."""

import numpy as np
import pytest

from app.biomech.pipeline import assess_trial
from app.biomech.two_views import find_matches, join_views
from app.biomech.types import Event, EventName, Severity, Side, TrialContext, View
from tests.synth import drop_jump, video_of
from tests.synth_sagittal import side_drop_jump

TIMES = {EventName.INITIAL_CONTACT: 1.0, EventName.TAKE_OFF: 1.45, EventName.SECOND_CONTACT: 1.95}


def events(
    times: dict[EventName, float] = TIMES,
    *,
    sides: tuple[Side, ...] = (Side.LEFT,),
    shift_s: float = 0.0,
    rate: float = 1.0,
    sd_s: float = 0.008,
) -> list[Event]:
    return [
        Event(name=name, side=side, time_s=rate * at + shift_s, frame=0, sd_s=sd_s)
        for name, at in times.items()
        for side in sides
    ]


def test_join_when_the_clocks_differ_then_the_offset_is_found_and_nothing_is_left_over() -> None:
    join = join_views(front=events(sides=(Side.LEFT, Side.RIGHT)), side=events(shift_s=3.217))
    assert join.is_joined
    assert join.offset_s == pytest.approx(3.217)
    assert join.to_side_s(1.0) == pytest.approx(4.217)
    assert join.residual_ms == pytest.approx(0.0, abs=1e-6)
    # Three events of 16 ms each.
    assert join.offset_sd_s == pytest.approx(np.sqrt(2 * 0.008**2 + 2 * 0.008**2) / np.sqrt(3))
    assert join.rate == pytest.approx(1.0)
    assert (join.n_events, join.findings) == (3, ())


def test_join_when_the_trial_is_another_one_then_it_is_refused_and_said_why() -> None:
    other = TIMES | {EventName.TAKE_OFF: 1.45 + 0.12, EventName.SECOND_CONTACT: 1.95 + 0.20}
    join = join_views(front=events(), side=events(other))
    assert not join.is_joined
    assert np.isnan(join.offset_s)
    finding = join.findings[0]
    assert (finding.code, finding.severity) == ("views_not_same_trial", Severity.ERROR)


def test_join_when_times_differ_within_their_errors_then_it_is_joined() -> None:
    close = TIMES | {EventName.TAKE_OFF: 1.45 + 0.02}
    assert join_views(front=events(), side=events(close)).is_joined
    doubtful = join_views(
        front=events(sd_s=0.002), side=events(TIMES | {EventName.TAKE_OFF: 1.45 + 0.035}, sd_s=0.002)
    )
    assert doubtful.is_joined
    assert [finding.code for finding in doubtful.findings] == ["views_fit_poorly"]


def test_join_when_one_clock_runs_slow_then_the_rate_is_named() -> None:
    join = join_views(front=events(), side=events(rate=1.25))
    assert not join.is_joined
    assert {finding.code for finding in join.findings} == {"views_not_same_trial", "views_clock_rates_differ"}
    assert join.rate == pytest.approx(1.25)


def test_join_when_a_single_event_is_shared_then_it_cannot_be_checked() -> None:
    only = {EventName.INITIAL_CONTACT: 1.0}
    join = join_views(front=events(), side=events(only, shift_s=0.5))
    assert join.is_joined
    assert [finding.code for finding in join.findings] == ["views_join_unchecked"]
    assert np.isnan(join.residual_ms)
    nothing = join_views(front=events(only), side=[])
    assert not nothing.is_joined
    assert nothing.findings[0].code == "views_share_no_event"


def test_join_when_a_clap_was_heard_then_it_is_weighed_with_the_events_or_passed_over() -> None:
    alone = join_views(front=events(), side=events(shift_s=2.0))
    fits = join_views(front=events(), side=events(shift_s=2.0), heard_s=(0.2, 2.21))
    assert fits.source == "events_and_clap"
    assert 2.0 < fits.offset_s < 2.01
    assert fits.offset_sd_s < alone.offset_sd_s
    # Two different sounds: no proof of two trials, as a clap that somebody placed would be.
    other = join_views(front=events(), side=events(shift_s=2.0), heard_s=(0.2, 2.9))
    assert (other.is_joined, other.source, other.offset_s) == (True, "events", pytest.approx(2.0))
    placed = join_views(front=events(), side=events(shift_s=2.0), cue_s=(0.2, 2.205), heard_s=(0.2, 2.21))
    assert (placed.source, placed.offset_s) == ("clap", pytest.approx(2.005))


def test_join_when_a_flash_was_seen_then_it_is_weighed_like_a_clap_and_beside_one() -> None:
    alone = join_views(front=events(), side=events(shift_s=2.0))
    seen = join_views(front=events(), side=events(shift_s=2.0), flash_s=(0.2, 2.21))
    both = join_views(front=events(), side=events(shift_s=2.0), heard_s=(0.2, 2.205), flash_s=(0.2, 2.21))
    assert (seen.source, both.source) == ("events_and_flash", "events_and_clap_and_flash")
    assert 2.0 < seen.offset_s < 2.21
    assert both.offset_sd_s < seen.offset_sd_s < alone.offset_sd_s
    passed_over = join_views(front=events(), side=events(shift_s=2.0), flash_s=(0.2, 2.9))
    assert (passed_over.source, passed_over.offset_s) == ("events", alone.offset_s)


def test_join_when_one_event_is_shared_and_a_clap_was_heard_then_it_is_checked() -> None:
    only = {EventName.INITIAL_CONTACT: 1.0}
    join = join_views(front=events(), side=events(only, shift_s=0.5), heard_s=(0.1, 0.6))
    assert (join.is_joined, join.findings) == (True, ())


def test_join_when_a_clap_is_given_then_it_sets_the_offset_unless_the_landings_contradict_it() -> None:
    by_clap = join_views(front=events(), side=events(shift_s=2.0), cue_s=(0.2, 2.205))
    assert by_clap.is_joined
    assert (by_clap.source, by_clap.offset_s) == ("clap", pytest.approx(2.005))
    wrong = join_views(front=events(), side=events(shift_s=2.0), cue_s=(0.2, 2.6), cue="flash")
    assert not wrong.is_joined
    assert wrong.findings[0].code == "views_cue_disagrees"


def test_matches_when_the_front_saw_the_near_foot_then_that_foot_is_taken() -> None:
    front = [
        Event(name=EventName.INITIAL_CONTACT, side=Side.RIGHT, time_s=1.00, frame=0, sd_s=0.01),
        Event(name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=1.03, frame=0, sd_s=0.01),
        Event(name=EventName.STEP_OFF, side=Side.BOTH, time_s=0.7, frame=0, sd_s=0.01),
    ]
    matches = find_matches(front, events({EventName.INITIAL_CONTACT: 5.0}))
    assert [(match.front_s, match.side_s) for match in matches] == [(1.03, 5.0)]
    other_foot = find_matches(front[:1], events({EventName.INITIAL_CONTACT: 5.0}))
    assert other_foot[0].front_s == 1.00


def test_join_when_both_figures_do_the_same_jump_then_measured_events_fit() -> None:
    front_figure, front = drop_jump(contact_s=0.45, box_m=0.30)
    side_figure, side = side_drop_jump(contact_s=0.45, stand_s=1.3)
    assert side_figure.flight_s == pytest.approx(front_figure.flight_s)
    found = [
        assess_trial(video=video_of(track), track=track, context=TrialContext(view=view, stature_cm=171.0))
        for view, track in ((View.FRONTAL, front), (View.SAGITTAL, side))
    ]
    join = join_views(front=found[0].events, side=found[1].events)
    assert join.is_joined
    assert join.offset_s == pytest.approx(0.5, abs=0.006)
    assert join.residual_ms < 10.0
