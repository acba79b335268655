"""Dark and strongly compressed pictures: said as findings, and in every stated error."""

from dataclasses import replace

import numpy as np
import pytest

from app.biomech.picture import DARK, FEW_BITS, NO_DOUBT, check_picture, doubt_of, missing_bits
from app.biomech.pipeline import assess_trial
from app.biomech.types import Movement, Outcome, TrialContext, Verdict, VideoInfo, View
from tests.synth import drop_jump, video_of
from tests.synth_movements import mover
from tests.synth_sagittal import side_drop_jump
from tests.unit.biomech.landing_support import WOMAN, problems, values

TRACK = drop_jump(fps=60.0)[1]
GOOD = replace(
    video_of(TRACK), width_px=720, height_px=1280, brightness=0.5, contrast=0.15, key_bits_per_pixel=0.2
)
UNKNOWN = replace(GOOD, brightness=None, contrast=None, key_bits_per_pixel=None)


def errors(outcome: Outcome) -> dict[tuple[str, str, str], float]:
    of_metrics = {(m.key, m.side.value, m.event): m.se for m in outcome.metrics if m.se is not None}
    return of_metrics | {(e.name.value, e.side.value, "event"): e.sd_s for e in outcome.events}


def judged(video: VideoInfo) -> Outcome:
    return assess_trial(video=video, track=TRACK, context=WOMAN)


@pytest.mark.parametrize("video", [GOOD, UNKNOWN, replace(GOOD, key_bits_per_pixel=0.0)])
def test_picture_when_good_or_nobody_looked_then_nothing_is_said_nor_added(video: VideoInfo) -> None:
    assert check_picture(video) == []
    assert doubt_of(video) == NO_DOUBT


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"brightness": 0.9 * DARK}, "picture_dark"),
        ({"contrast": 0.02}, "picture_dark"),
        ({"brightness": 0.1, "contrast": 0.02, "key_bits_per_pixel": 0.03}, "picture_dark"),
        ({"key_bits_per_pixel": 0.04}, "strongly_compressed"),
        ({"codec": "hevc", "key_bits_per_pixel": 0.03}, "strongly_compressed"),
    ],
)
def test_picture_when_poor_then_one_finding_says_why_and_how_to_mend_it(
    facts: dict[str, float], code: str
) -> None:
    (finding,) = check_picture(replace(GOOD, **facts))
    assert (finding.code, bool(finding.how_to_fix)) == (code, True)
    assert finding.message.endswith((" of it.", " bits per pixel."))


def test_bits_when_the_codec_needs_fewer_then_fewer_are_enough() -> None:
    assert missing_bits(replace(GOOD, key_bits_per_pixel=0.05)) == pytest.approx(
        1.0 - 0.05 / FEW_BITS["h264"]
    )
    assert missing_bits(replace(GOOD, key_bits_per_pixel=0.05, codec="hevc")) == 0.0
    assert missing_bits(replace(GOOD, key_bits_per_pixel=0.05, codec="mpeg4")) > 0.0


def test_bits_when_the_picture_is_half_as_wide_then_it_needs_twice_as_many_a_pixel() -> None:
    small = replace(GOOD, width_px=360, height_px=640, key_bits_per_pixel=0.08)
    large = replace(GOOD, key_bits_per_pixel=0.04)
    assert missing_bits(large) > 0.0
    assert missing_bits(small) == pytest.approx(missing_bits(large))


@pytest.mark.parametrize("facts", [{"brightness": 0.1, "contrast": 0.03}, {"key_bits_per_pixel": 0.04}])
def test_trial_when_the_picture_is_poor_then_same_values_wider_errors_and_attention(
    facts: dict[str, float],
) -> None:
    good, poor = judged(GOOD), judged(replace(GOOD, **facts))
    assert problems(poor) - problems(good) <= {"picture_dark", "strongly_compressed"}
    assert poor.verdict is Verdict.ATTENTION
    assert values(poor) == values(good)
    before, after = errors(good), errors(poor)
    assert all(after[key] >= before[key] for key in before)
    wider = {key[0] for key in before if after[key] > 1.02 * before[key]}
    assert wider >= {"fppa", "fppa_frontal", "knee_valgus_displacement", "knee_ankle_separation_ratio"}
    assert ("take_off" in wider) == ("key_bits_per_pixel" in facts)


def test_trial_when_compressed_more_then_its_errors_are_wider() -> None:
    at = ("fppa", "left", "peak")
    widths = [errors(judged(replace(GOOD, key_bits_per_pixel=bits)))[at] for bits in (0.2, 0.06, 0.04, 0.02)]
    assert np.all(np.diff(widths) > 0.0)


def test_side_view_when_the_picture_is_compressed_then_its_instants_are_less_sure() -> None:
    track, context = side_drop_jump()[1], replace(WOMAN, view=View.SAGITTAL)
    good, poor = (
        errors(assess_trial(video=video, track=track, context=context))
        for video in (GOOD, replace(GOOD, key_bits_per_pixel=0.04))
    )
    instants = [key for key in good if key[0] in ("initial_contact", "take_off", "peak_knee_flexion")]
    assert instants
    assert all(poor[key] > good[key] for key in instants)


def test_squat_when_the_picture_is_dark_then_its_angles_are_less_sure_too() -> None:
    track = mover(Movement.BILATERAL_SQUAT)[1]
    context = TrialContext(movement=Movement.BILATERAL_SQUAT)
    video = replace(video_of(track), brightness=0.5, contrast=0.15)
    good, poor = (
        assess_trial(video=one, track=track, context=context)
        for one in (video, replace(video, brightness=0.1))
    )
    assert "picture_dark" in problems(poor)
    at = next(key for key in errors(good) if key[0] == "fppa")
    assert errors(poor)[at] > errors(good)[at]
