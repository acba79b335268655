"""Every finding a recording can get, in words a trainer can act on, and the verdict they add up to.

`FINDINGS` is the only list of codes; `make_finding` the only way to build a `QualityFinding`. The
messages say what is wrong, the advice says what to do next; neither speaks of injury or diagnosis.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from string import Formatter

from app.biomech.types import QualityFinding, Severity, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDefinition:
    """What one code means."""

    severity: Severity
    message: str
    """Complete by itself."""
    how_to_fix: str
    detail: str = ""
    """Format string added to the message when every fact it names is given."""


def _error(message: str, how_to_fix: str, detail: str = "") -> FindingDefinition:
    return FindingDefinition(severity=Severity.ERROR, message=message, how_to_fix=how_to_fix, detail=detail)


def _warning(message: str, how_to_fix: str, detail: str = "") -> FindingDefinition:
    return FindingDefinition(severity=Severity.WARNING, message=message, how_to_fix=how_to_fix, detail=detail)


def _info(message: str, how_to_fix: str, detail: str = "") -> FindingDefinition:
    return FindingDefinition(severity=Severity.INFO, message=message, how_to_fix=how_to_fix, detail=detail)


_FILE_FINDINGS: dict[str, FindingDefinition] = {
    "not_a_video": _error(
        "The file is not a video we can recognise.",
        "Choose the video itself (.mp4 or .mov), as the phone saved it.",
    ),
    "empty_file": _error(
        "The file is empty.",
        "Wait until the phone has finished saving the video, then send it again.",
    ),
    "corrupt_video": _error(
        "The video is damaged or cut off and cannot be read to the end.",
        "Send the original file from the phone again; if it does not play there either, film again.",
    ),
    "unsupported_codec": _error(
        "The video is stored in a format we cannot read.",
        "Film or export as H.264 or HEVC (.mp4 or .mov), then send it again.",
        "It is {codec}.",
    ),
    "too_long": _error(
        "The video is too long.",
        "Trim it to a few seconds before and after the jump.",
        "It lasts {duration_s:.0f} s; the limit is {limit_s:.0f} s.",
    ),
    "too_short": _error(
        "The video is too short to hold a whole trial.",
        "Start filming two seconds before the athlete leaves the box and stop two seconds after the second landing.",
        "It lasts {duration_s:.2f} s.",
    ),
    "too_large_picture": _error(
        "The picture is larger than we can read.",
        "Film in 1080p or 4K.",
        "It is {width_px} x {height_px} pixels.",
    ),
    "too_many_frames": _error(
        "The video has more frames than we can read.",
        "Trim it to a few seconds before and after the jump.",
        "It has {n_frames} frames; the limit is {limit}.",
    ),
    "video_reader_failed": _error(
        "The video stopped our reader twice.",
        "Export the video again from the phone and send that copy; if it fails too, film again.",
    ),
    "fps_low": _warning(
        "The video has too few frames per second for exact contact times and angles at contact.",
        "Film at 120 or 240 frames per second (slow motion).",
        "It has {fps_hz:.0f} frames per second.",
    ),
    "fps_too_low": _error(
        "The video has too few frames per second to measure a landing.",
        "Film at 120 or 240 frames per second (slow motion); 30 is the least that can be used.",
        "It has {fps_hz:.0f} frames per second.",
    ),
    "frames_missing": _warning(
        "Frames are missing from the video around the movement.",
        "Close other apps on the phone while filming and send the original file.",
        "The longest gap is {gap_ms:.0f} ms.",
    ),
    "picture_dark": _warning(
        "The picture is dark or has little contrast, so joints are placed less exactly.",
        "Film in brighter light, with windows and lamps behind the camera, and clothes that stand out from the wall.",
        "On average it has {brightness:.0%} of full brightness, and varies by {contrast:.0%} of it.",
    ),
    "strongly_compressed": _warning(
        "The video is strongly compressed, so joints are placed less exactly.",
        "Send the original file from the phone, not a copy from a messaging app, and film in high quality.",
        "A whole picture takes {bits:.3f} bits per pixel.",
    ),
    "retimed_corrected": _warning(
        "The video is a slow-motion export; it was measured at its true speed.",
        "Send the original file from the phone to have every time first hand.",
        "The athlete falls as gravity asks when it plays {times:.0f} times faster.",
    ),
    "retimed_video": _error(
        "The video does not run at its true speed: the athlete does not fall as fast as gravity asks.",
        "Send the original file from the phone, not a slow-motion export or a clip from a messaging app.",
        "The fall looks about {times:.1f} times {pace} than real.",
    ),
}

_PEOPLE_FINDINGS: dict[str, FindingDefinition] = {
    "no_person": _error(
        "No person was found in the video.",
        "Film in good light with the whole athlete in the picture, from head to feet.",
    ),
    "multiple_people": _warning(
        "More than one person is in the picture.",
        "Ask everybody else to step out of the picture, and check that the drawn skeleton is on the athlete.",
        "Another person is {ratio:.0%} as tall in the picture as the athlete.",
    ),
    "wrong_person_risk": _error(
        "More than one person is in the picture and we cannot tell who the athlete is.",
        "Ask everybody else to step out of the picture and film again.",
    ),
    "picked_person_not_found": _error(
        "Nobody was found at the place where the athlete was said to be.",
        "Undo that correction, or point at the athlete's hips in a frame in which they are well seen.",
    ),
    "athlete_too_small": _warning(
        "The athlete is small in the picture, so every angle is less exact.",
        "Go closer or zoom in (not the 0.5x lens) until the athlete fills at least 60 % of the height.",
        "The thigh is {thigh_px:.0f} pixels long; at least {limit_px:.0f} are needed.",
    ),
    "feet_out_of_frame": _error(
        "The feet leave the picture during the movement.",
        "Aim lower or step back until the feet stay in the picture with room to spare.",
    ),
    "body_out_of_frame": _warning(
        "Part of the athlete leaves the picture during the trial.",
        "Step back until head and feet stay in the picture through the whole jump.",
    ),
    "low_confidence": _warning(
        "The body could not be followed well through the movement.",
        "Film in better light, with tight shorts, knees and shoes visible, and nothing in front of the athlete.",
        "{share:.0%} of its frames are affected.",
    ),
    "landing_not_tracked": _error(
        "The body could not be followed through the movement.",
        "Film in better light, with tight shorts, knees and shoes visible, and nothing in front of the athlete.",
        "The longest gap is {gap_ms:.0f} ms.",
    ),
    "left_right_swapped": _warning(
        "The model mixed up the left and the right leg for some frames; they were put right.",
        "Check the drawn skeleton before you compare the sides; film from straight in front.",
        "{n_frames} frames are affected.",
    ),
    "facing_away": _warning(
        "The athlete seems to face away from the camera.",
        "Film from the front, with the athlete facing the camera.",
    ),
}

_CAMERA_FINDINGS: dict[str, FindingDefinition] = {
    "view_not_frontal": _error(
        "The camera does not look at the athlete from the front, so knee valgus cannot be measured.",
        "Place the camera straight in front of the landing spot and turn the box square to it, then film again.",
        "The athlete is turned about {yaw_deg:.0f} degrees (give or take {sd_deg:.0f}).",
    ),
    "athlete_not_square": _warning(
        "The athlete may not stand square to the camera, so left and right cannot be compared safely.",
        "Place the camera straight in front and line the box and the toes up with it; use the mean of both knees here.",
        "The athlete is turned about {yaw_deg:.0f} degrees (give or take {sd_deg:.0f}).",
    ),
    "camera_moved": _warning(
        "The camera moved during the landing.",
        "Put the phone on a tripod or lean it against something firm.",
        "The picture shifted by {share:.1%} of its width.",
    ),
    "camera_tilted": _warning(
        "The camera is tilted sideways, so trunk lean is less exact.",
        "Level the phone; knee angles are not affected.",
        "The tilt is about {roll_deg:.0f} degrees.",
    ),
    "box_height_unknown": _info(
        "The box height was not given, so lengths in centimetres rest on body proportions.",
        "Enter the height of the box.",
    ),
    "frontal_values_left_out": _info(
        "From the side flexion and times are measured; knee valgus needs the view from the front.",
        "Film the same trial from straight in front too, with a second phone, and name this trial when you send it.",
    ),
    "view_not_sagittal": _error(
        "The camera does not look at the athlete from the side, so flexion cannot be measured.",
        "Place the camera at the side of the landing spot, in line with both toes, then film again.",
        "It is about {turn_deg:.0f} degrees (give or take {sd_deg:.0f}) off.",
    ),
    "athlete_not_side_on": _warning(
        "The camera may not stand square to the athlete's side, so flexion reads somewhat low.",
        "Place the camera at the side of the landing spot, in line with both toes.",
        "It is about {turn_deg:.0f} degrees (give or take {sd_deg:.0f}) off.",
    ),
    "scale_from_stature": _info(
        "Lengths in centimetres rest on the athlete's stature and usual body proportions (give or take 4 %).",
        "Check that the stature on the athlete's page is right.",
    ),
    "scale_from_box": _info(
        "Lengths in centimetres rest on the height of the box as seen by the camera (give or take 15 %).",
        "Enter the athlete's stature for better ones.",
    ),
    "scale_unknown": _info(
        "Neither stature nor box height was given, so lengths in centimetres are left out.",
        "Enter the athlete's stature (best) or the height of the box.",
    ),
    "sex_unknown": _info(
        "The athlete's sex was not given, so the knee angle is not compared with a reference range.",
        "Enter the sex on the athlete's page if you want that comparison; ranges differ and are never pooled.",
    ),
}

_JOIN_FINDINGS: dict[str, FindingDefinition] = {
    "views_share_no_event": _error(
        "The recording from the front and the one from the side have no event in common, so they are not joined.",
        "Film contact, jump and second landing with both phones, with the feet in both pictures.",
    ),
    "views_not_same_trial": _error(
        "The recordings from the front and from the side do not show the same trial: their times on the ground or "
        "in the air differ by more than their errors.",
        "Choose the two recordings of one trial; say the trial's number aloud while filming.",
        "They differ by {gap_ms:.0f} ms.",
    ),
    "views_fit_poorly": _warning(
        "The recordings from the front and from the side fit each other poorly; they may show different trials.",
        "Check that both show the same trial.",
        "Their landings and take-offs differ by up to {gap_ms:.0f} ms.",
    ),
    "views_clock_rates_differ": _warning(
        "One of the two recordings seems to run at another speed than the other.",
        "Send the original files from both phones, not slow-motion exports.",
        "The one from the side is {percent:+.0f} % off.",
    ),
    "views_cue_disagrees": _error(
        "The clap or flash given does not fit the landings in the two recordings, so they are not joined.",
        "Check the instants that were given, or leave them out: the landings themselves suffice.",
        "By the {cue} the landings are {gap_ms:.0f} ms apart.",
    ),
    "views_join_unchecked": _warning(
        "The two recordings share a single event, so it cannot be checked that they show the same trial.",
        "Film from before the drop until after the second landing with both phones.",
    ),
    "views_of_different_methods": _error(
        "The two recordings were analysed with different versions of the method, so they are not joined.",
        "Analyse both again; the result is put together by itself.",
    ),
}

_TRIAL_FINDINGS: dict[str, FindingDefinition] = {
    "no_landing_found": _error(
        "No drop from a box with a landing was found.",
        "Film the whole trial: standing on the box, the drop, the landing, the jump and the second landing.",
    ),
    "wrong_movement": _error(
        "This does not look like the movement that was chosen.",
        "Choose the movement that was filmed, or film the one that was chosen.",
        "It looks like {looks_like}.",
    ),
    "hold_too_short": _warning(
        "The video ends too soon to show that the landing was held.",
        "Keep filming until the athlete has stood still for two seconds.",
        "It shows {held_s:.1f} s after contact.",
    ),
    "landing_not_held": _warning(
        "The foot moved after the landing: a step or a hop.",
        "Ask the athlete to stand still for two seconds after the landing and take another trial.",
    ),
    "step_down_partly_visible": _info(
        "One camera in front shows five of the six points of the step-down score; an unsteady stance stays open.",
        "Add one point yourself when the athlete was unsteady.",
        "{n} points were judged.",
    ),
    "no_strides_found": _error(
        "No whole strides of both feet were found.",
        "Film at least ten steps of each foot, the feet always in the picture.",
    ),
    "few_strides": _warning(
        "There are too few strides for a steady mean.",
        "Film at least ten steps of each foot.",
        "{n} were found of one foot.",
    ),
    "filmed_from_behind": _info(
        "The athlete was filmed from behind; sides and signs are the athlete's own all the same.",
        "Nothing to do. The feet show better from behind, the knees from in front.",
    ),
    "no_plant_found": _error(
        "The foot that changes the direction was not found.",
        "Film from straight in front, with the whole cut and both feet in the picture.",
    ),
    "cut_is_qualitative": _info(
        "A cut turns the body, so no knee angle is given; the flagged frames and the visible items are for looking at.",
        "Judge the other items by eye in the flagged frames.",
    ),
    "not_standing_still": _error(
        "The athlete does not stand still long enough.",
        "Film three seconds of quiet standing, feet hip-width apart, facing the camera.",
    ),
    "no_repetition_found": _error(
        "No whole repetition was found.",
        "Film at least three repetitions, from standing upright to standing upright again.",
    ),
    "stance_unclear": _error(
        "It could not be told which leg the athlete stands on.",
        "Keep the free foot clearly off the floor and film from straight in front, with both feet in the picture.",
    ),
    "few_repetitions": _warning(
        "There are too few repetitions to say how alike they are.",
        "Film five repetitions in one video.",
        "{n} were found.",
    ),
    "partial_repetitions": _info(
        "Some repetitions were much shallower than the others and were not counted.",
        "Ask for the same depth every time.",
        "{n} were left out.",
    ),
    "repetition_cut_off": _info(
        "The video starts or ends within a repetition, which was not counted.",
        "Start filming before the first repetition and stop after the last.",
    ),
    "deep_repetition": _warning(
        "The thighs came so close to horizontal that the projected knee angle is not meaningful there.",
        "Use the separation ratio, or ask for less depth.",
        "It was left out at the lowest point of {n} repetitions.",
    ),
    "no_rebound_jump": _warning(
        "The athlete landed but did not jump again.",
        "Ask for a maximal jump straight after the landing and take another trial.",
    ),
    "starts_too_late": _warning(
        "The video starts after the athlete has left the box.",
        "Start filming two seconds before the drop.",
    ),
    "step_off_unclear": _info(
        "The instant of leaving the box could not be placed.",
        "Stand still on the box for a second before the drop, feet in the picture.",
    ),
    "second_landing_missing": _warning(
        "The second landing is not in the video, so the jump height is not known.",
        "Keep filming until the athlete stands still after the second landing.",
    ),
    "feet_not_together": _warning(
        "The feet did not land together.",
        "Ask the athlete to drop off the box with both feet and land on both at once, then take another trial.",
        "{side} landed {gap_ms:.0f} ms first.",
    ),
    "contact_uncertain": _warning(
        "The instant of ground contact is not certain, so the values at contact are less exact.",
        "Film at 120 or 240 frames per second with the shoes well visible against the floor.",
        "Two ways of finding it differ by {gap_ms:.0f} ms.",
    ),
    "contact_time_implausible": _warning(
        "The time on the ground is outside what drop jumps show.",
        "Check the marked contact and take-off in the overlay video; ask for an immediate jump.",
        "It is {contact_s:.2f} s.",
    ),
    "jump_height_disagrees": _warning(
        "The jump height from flight time and the one from the rise of the hips do not agree.",
        "Check the marked take-off and second landing in the overlay video.",
        "They differ by {difference_cm:.0f} cm.",
    ),
    "deep_landing": _warning(
        "The thighs came so close to horizontal that the projected knee angle is not meaningful at the lowest point.",
        "Use the separation ratio and the angle at contact; ask for an immediate jump without sinking deep.",
    ),
    "corrected_by_hand": _info(
        "This result was put right by hand; the automatic one is kept beside it.",
        "Compare the two before you use it; each correction can be undone.",
        "It holds {n} corrections.",
    ),
    "correction_without_effect": _warning(
        "An event that was placed by hand could not be used.",
        "Check the correction against the overlay video, or undo it.",
    ),
    "events_out_of_order": _error(
        "The events do not follow each other in the order of the movement.",
        "Move the event that stands in the wrong place, or undo its correction.",
    ),
    "trial_dropped": _error(
        "This trial was left out by hand and counts in nothing.",
        "Undo the correction to count it again.",
    ),
    "asymmetry_not_interpretable": _info(
        "The difference between left and right is smaller than its error here, so it is not interpreted.",
        "Film square to the camera at 120 frames per second or more and take three trials.",
    ),
}

FINDINGS: dict[str, FindingDefinition] = {
    **_FILE_FINDINGS,
    **_PEOPLE_FINDINGS,
    **_CAMERA_FINDINGS,
    **_JOIN_FINDINGS,
    **_TRIAL_FINDINGS,
}
"""Code -> meaning. Codes are stable: they are stored, filtered on and shown in the API."""

Fact = str | int | float


def make_finding(
    code: str, *, frame: int | None = None, severity: Severity | None = None, **facts: Fact
) -> QualityFinding:
    """Build the finding of a code; raises ``KeyError`` for a code that is not in `FINDINGS`.

    Parameters
    ----------
    code
        A key of `FINDINGS`.
    frame
        Frame the finding points at, when there is one.
    severity
        Instead of the code's own severity.
    facts
        Numbers for the detail sentence; it is left out unless all of them are given.

    Examples
    --------
    >>> make_finding("fps_low").message
    'The video has too few frames per second for exact contact times and angles at contact.'
    >>> make_finding("fps_low", fps_hz=29.97).message.endswith("It has 30 frames per second.")
    True
    """
    definition = FINDINGS[code]
    message = definition.message
    named = {field for _, field, _, _ in Formatter().parse(definition.detail) if field}
    if definition.detail and named <= facts.keys():
        message = f"{message} {definition.detail.format(**facts)}"
    return QualityFinding(
        code=code,
        severity=severity or definition.severity,
        message=message,
        how_to_fix=definition.how_to_fix,
        frame=frame,
    )


def judge_verdict(findings: Iterable[QualityFinding]) -> Verdict:
    """Return the verdict: one error makes it invalid, one warning asks for attention.

    Examples
    --------
    >>> judge_verdict([make_finding("scale_unknown")]).value
    'valid'
    """
    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return Verdict.INVALID
    return Verdict.ATTENTION if Severity.WARNING in severities else Verdict.VALID


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def sort_findings(findings: Iterable[QualityFinding]) -> tuple[QualityFinding, ...]:
    """Return each code once, the worst first, otherwise in the order they were found."""
    worst: dict[str, QualityFinding] = {}
    for finding in findings:
        known = worst.get(finding.code)
        if known is None or _ORDER[finding.severity] < _ORDER[known.severity]:
            worst[finding.code] = finding
    return tuple(sorted(worst.values(), key=lambda finding: _ORDER[finding.severity]))
