"""Outlines: what edges drawn beside landmarks say of them, and that it is the picture that is believed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from app.biomech import corrections
from app.biomech.corrections import MoveKeypoint, SwapSides
from app.biomech.joints import MIRROR, MIRROR_LINES, N_JOINTS, N_LINES, Joint, Line
from app.biomech.kinematics import BodyPaths, prepare_paths
from app.biomech.landmark_model import LANDMARK_MODELS, LandmarkModel, to_joint_centres
from app.biomech.outline import (
    CALF_PART,
    HIPS_ABOVE_LEGS,
    KNEE_PART,
    Measure,
    OutlineModel,
    carry,
    landmark_errors,
    measure,
    over_time,
)
from app.biomech.pipeline import assess_trial
from app.biomech.types import FloatArray, PoseTrack, Side, TrialContext
from app.storage.tracks import track_from_bytes, track_to_bytes
from tests.synth import drop_jump, video_of

MODEL = LANDMARK_MODELS["mediapipe"]
assert MODEL.outline is not None
OUTLINE: OutlineModel = MODEL.outline
USUAL = dict(zip(Measure, OUTLINE.usual, strict=True))
N = 3
LEG_PX = 300.0


def body() -> FloatArray:
    """Return the landmarks of somebody who faces the camera, knees 12 px inside: (N, 33, 2)."""
    xy = np.zeros((N, N_JOINTS, 2))
    for side, out in (("LEFT", 1.0), ("RIGHT", -1.0)):
        xy[:, Joint[f"{side}_HIP"]] = (200.0 + 34.0 * out, 300.0)
        xy[:, Joint[f"{side}_KNEE"]] = (200.0 + 22.0 * out, 450.0)
        xy[:, Joint[f"{side}_ANKLE"]] = (200.0 + 30.0 * out, 600.0)
    return xy


def drawn(joints: FloatArray, *, leg_px: float = LEG_PX, hips_legs: float | None = None) -> FloatArray:
    """Return the outline of a body as it usually is round its joints: (T, 7, 2, 2)."""
    edges = np.zeros((joints.shape[0], N_LINES, 2, 2))
    middle = 0.5 * (joints[:, Joint.LEFT_HIP] + joints[:, Joint.RIGHT_HIP])
    half = 0.5 * (USUAL[Measure.HIPS_WIDTH] if hips_legs is None else hips_legs) * leg_px
    for edge, sign in enumerate((-1.0, 1.0)):
        edges[:, Line.HIPS, edge] = middle + np.array([sign * half, -HIPS_ABOVE_LEGS * leg_px])
    for side, out in (("LEFT", 1.0), ("RIGHT", -1.0)):
        hip, knee, ankle = (joints[:, Joint[f"{side}_{part}"]] for part in ("HIP", "KNEE", "ANKLE"))
        calf = 0.5 * USUAL[Measure.CALF_WIDTH] * leg_px
        for name, upper, lower, share, medial_legs, half_px in (
            ("CALF", knee, ankle, CALF_PART, USUAL[Measure.CALF_MIDDLE], calf),
            ("ANKLE", knee, ankle, 1.0, USUAL[Measure.ANKLE_MIDDLE], 10.0),
            ("KNEE", hip, knee, KNEE_PART, 0.0, -USUAL[Measure.KNEE_EDGE] * leg_px),
        ):
            along = (lower - upper) / np.hypot(*(lower - upper).T)[:, None]
            right = np.stack([along[:, 1], -along[:, 0]], axis=-1)
            centre = upper + share * (lower - upper) - out * medial_legs * leg_px * right
            for edge, sign in enumerate((-1.0, 1.0)):
                edges[:, Line[f"{side}_{name}"], edge] = centre + sign * half_px * right
    return edges


def read(xy: FloatArray, edges: FloatArray, side: Side, *, leg_px: float = LEG_PX) -> FloatArray:
    return measure(xy, edges, side=side, outwards=1.0 if side is Side.LEFT else -1.0, leg_px=leg_px)


@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
def test_measure_when_a_body_is_drawn_as_usual_then_it_reads_as_usual(side: Side) -> None:
    found = read(body(), drawn(body()), side)
    usual = np.array(OUTLINE.usual)
    usual[Measure.HIPS_MIDDLE] = 0.0
    usual[Measure.HIP_DISTANCE] = 68.0 / LEG_PX
    assert_allclose(found, np.tile(usual, (N, 1)), atol=1e-9)


@pytest.mark.parametrize(("side", "out"), [(Side.LEFT, 1.0), (Side.RIGHT, -1.0)])
def test_measure_when_a_landmark_is_medial_then_the_edges_are_lateral_of_it_by_as_much(
    side: Side, out: float
) -> None:
    seen = body()
    seen[:, Joint[f"{side.name}_ANKLE"], 0] -= 6.0 * out
    moved = read(seen, drawn(body()), side) - read(body(), drawn(body()), side)
    # across a shank that leans by 3 deg
    assert_allclose(moved[:, Measure.ANKLE_MIDDLE] * LEG_PX, -6.0, atol=0.1)
    assert_allclose(moved[:, Measure.CALF_MIDDLE] * LEG_PX, -6.0 * CALF_PART, atol=0.1)
    assert_allclose(moved[:, [Measure.KNEE_EDGE, Measure.CALF_WIDTH, Measure.HIPS_MIDDLE]], 0.0, atol=1e-9)


def test_measure_when_both_hips_are_read_to_one_side_then_it_is_medial_of_one_and_lateral_of_the_other() -> (
    None
):
    seen = body()
    seen[:, [Joint.LEFT_HIP, Joint.RIGHT_HIP], 0] -= 5.0
    for side, expected in ((Side.LEFT, -5.0), (Side.RIGHT, 5.0)):
        assert_allclose(read(seen, drawn(body()), side)[:, Measure.HIPS_MIDDLE] * LEG_PX, expected, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.3, 4.0), x=st.floats(-300, 300), y=st.floats(-300, 300), seed=st.integers(0, 99))
def test_measure_when_the_picture_is_scaled_moved_or_mirrored_then_nothing_changes_but_the_side(
    scale: float, x: float, y: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    xy = body() + rng.normal(0.0, 4.0, (N, N_JOINTS, 2))
    edges = drawn(body()) + rng.normal(0.0, 4.0, (N, N_LINES, 2, 2))
    expected = {side: read(xy, edges, side) for side in (Side.LEFT, Side.RIGHT)}
    moved = read(scale * xy + [x, y], scale * edges + [x, y], Side.LEFT, leg_px=scale * LEG_PX)
    assert_allclose(moved, expected[Side.LEFT], atol=1e-9)
    flip = np.array([-1.0, 1.0])
    reflected = read(xy[:, MIRROR] * flip, edges[:, MIRROR_LINES, ::-1] * flip, Side.LEFT)
    assert_allclose(reflected, expected[Side.RIGHT], atol=1e-9)


def test_errors_when_nothing_is_unusual_then_they_are_those_of_all_bodies() -> None:
    shortening = np.array([0.0, 0.1, 0.4])
    usual = np.tile(OUTLINE.usual, (3, 1))
    expected = np.array(OUTLINE.straight) + shortening[:, None] * OUTLINE.bent
    assert_allclose(landmark_errors(usual, shortening, OUTLINE), expected, atol=1e-12)
    assert_allclose(landmark_errors(np.full((3, 7), np.nan), shortening, OUTLINE), expected, atol=1e-12)


def test_errors_when_an_edge_is_far_from_anywhere_a_body_has_it_then_it_is_believed_no_further() -> None:
    far, further = (
        landmark_errors(np.array(OUTLINE.usual) + times * np.eye(7), np.zeros(7), OUTLINE)
        for times in (1.0, 50.0)
    )
    assert_array_equal(far, further)
    assert np.max(np.abs(far - OUTLINE.straight)) < 0.05  # of a leg


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99))
def test_carry_when_landmarks_are_moved_by_hand_then_the_outline_says_the_same_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moved = np.zeros((N, N_JOINTS, 2))
    moved[:, Joint.LEFT_KNEE, 0], moved[:, Joint.LEFT_ANKLE, 0] = rng.normal(0.0, 5.0, (2, N))
    before = read(body(), drawn(body()), Side.LEFT)
    after = read(body() + moved, carry(drawn(body()), moved), Side.LEFT)
    # what is left is that lines lean a little more
    assert_allclose(after, before, atol=2e-3)
    nowhere = np.where(moved == 0.0, np.nan, moved)
    assert_allclose(carry(drawn(body()), nowhere), carry(drawn(body()), moved))


def test_over_time_when_read_here_and_there_then_it_is_known_everywhere_and_held_at_the_ends() -> None:
    time_s = np.arange(90) / 60.0
    read_s = time_s[30:60:2]
    found = over_time(time_s, np.stack([read_s, np.full(15, 0.5)], axis=-1), read_s=read_s)
    assert_allclose(found[:, 1], 0.5, atol=1e-9)
    assert_allclose(found[35:55, 0], time_s[35:55], atol=0.01)
    assert_allclose(found[[0, -1], 0], read_s[[0, -1]], atol=0.01)


def outlined(track: PoseTrack, joints: FloatArray, paths: BodyPaths) -> PoseTrack:
    """Return the track with the outline of the body that has those joints, in every other frame."""
    edges = drawn(joints, leg_px=paths.leg_px, hips_legs=OUTLINE.usual[Measure.HIPS_WIDTH])
    edges[1::2] = np.nan
    return replace(track, outline_px=edges)


def misread(part: str, legs: float) -> tuple[PoseTrack, FloatArray, BodyPaths]:
    """Return a landing whose left knee or ankle is read medial of where the body is, its true joints, the true paths."""
    _, track = drop_jump()
    paths = prepare_paths(track)
    wrong = track.xy_px.copy()
    wrong[:, Joint[f"LEFT_{part}"], 0] -= legs * paths.leg_px
    return outlined(replace(track, xy_px=wrong), track.xy_px, paths), track.xy_px, paths


@pytest.mark.parametrize(("part", "taken"), [("KNEE", 0.6), ("ANKLE", 0.75)])
@pytest.mark.parametrize("legs", [-0.01, 0.01])
def test_joint_centres_when_a_landmark_is_beside_the_leg_then_most_of_that_is_taken_off(
    part: str, taken: float, legs: float
) -> None:
    wrong, _, _ = misread(part, legs)
    right, _, _ = misread(part, 0.0)
    joint = Joint[f"LEFT_{part}"]
    found, expected = (to_joint_centres(prepare_paths(track), MODEL) for track in (wrong, right))
    left = (expected.smooth_px - found.smooth_px)[20:-20, joint, 0] / found.leg_px
    assert_allclose(np.median(left) / legs, 0.0, atol=1.0 - taken)


def test_joint_centres_when_nobody_looked_for_the_outline_then_the_body_counts_as_all_bodies() -> None:
    track, _, _ = misread("ANKLE", 0.01)
    without = to_joint_centres(prepare_paths(replace(track, outline_px=None)), MODEL)
    unknown = to_joint_centres(prepare_paths(track), replace(MODEL, outline=None))
    nothing = to_joint_centres(
        prepare_paths(replace(track, outline_px=np.full_like(track.outline_px, np.nan))), MODEL
    )
    assert_array_equal(without.smooth_px, unknown.smooth_px)
    assert_array_equal(without.smooth_px, nothing.smooth_px)
    assert_array_equal(
        to_joint_centres(prepare_paths(track), LandmarkModel()).smooth_px, prepare_paths(track).smooth_px
    )


def test_point_when_dragged_then_it_moves_as_far_as_without_an_outline() -> None:
    track, joints, _ = misread("KNEE", 0.01)
    frame = 75
    target = joints[frame, Joint.LEFT_KNEE]
    move = MoveKeypoint(
        frame=frame, joint=Joint.LEFT_KNEE, x_px=float(target[0]) + 20.0, y_px=float(target[1])
    )
    by_how_much = []
    for one in (track, replace(track, outline_px=None)):
        dragged = corrections.apply(one, [move])
        before, after = (
            to_joint_centres(prepare_paths(*made), MODEL) for made in ((one,), (dragged.track, dragged.marks))
        )
        by_how_much.append(float((after.smooth_px - before.smooth_px)[frame, Joint.LEFT_KNEE, 0]))
    assert_allclose(by_how_much[0], by_how_much[1], rtol=0.1)


def test_sides_when_swapped_by_hand_then_the_outline_goes_along_and_twice_is_as_before() -> None:
    track, _, _ = misread("KNEE", 0.01)
    swap = SwapSides(first_frame=20, last_frame=60)
    once, twice = (corrections.apply(track, [swap] * n).track for n in (1, 2))
    assert once.outline_px is not None
    assert track.outline_px is not None
    assert_array_equal(once.outline_px[30, Line.RIGHT_CALF], track.outline_px[30, Line.LEFT_CALF])
    assert_array_equal(once.outline_px[100], track.outline_px[100])
    assert_array_equal(twice.outline_px, track.outline_px)


def test_pipeline_when_a_whole_clip_is_read_the_wrong_way_round_then_swapping_gives_the_true_result() -> None:
    track, _, _ = misread("KNEE", 0.01)
    assert track.outline_px is not None
    wrong = replace(
        track,
        xy_px=track.xy_px[:, MIRROR],
        confidence=track.confidence[:, MIRROR],
        outline_px=track.outline_px[:, MIRROR_LINES],
    )
    swap = SwapSides()
    context = TrialContext(stature_cm=171.0)
    found, expected = (
        assess_trial(video=video_of(one), track=one, context=context, by_hand=hand)
        for one, hand in ((wrong, [swap]), (track, []))
    )
    assert [(m.key, m.value) for m in found.metrics] == [(m.key, m.value) for m in expected.metrics]


def test_pipeline_when_the_athlete_is_turned_to_the_side_then_the_outline_is_not_used() -> None:
    _, square = drop_jump()
    _, turned = drop_jump(yaw_deg=40.0)
    context = TrialContext(stature_cm=171.0)

    def separation(track: PoseTrack, *, bulge_px: float) -> list[float | None]:
        track = replace(track, source=replace(track.source, estimator="mediapipe"))
        made = outlined(track, track.xy_px, prepare_paths(track))
        assert made.outline_px is not None
        made = replace(made, outline_px=made.outline_px + np.array([bulge_px, 0.0]))
        outcome = assess_trial(video=video_of(made), track=made, context=context)
        assert outcome.kinematics is not None
        return list(outcome.kinematics.series["knee_ankle_separation_ratio"])

    assert separation(square, bulge_px=0.0) != separation(square, bulge_px=5.0)
    assert_array_equal(separation(turned, bulge_px=0.0), separation(turned, bulge_px=5.0))


def test_track_when_stored_then_its_outline_comes_back_and_older_ones_have_none() -> None:
    track, _, _ = misread("KNEE", 0.01)
    again = track_from_bytes(track_to_bytes(track))
    assert_array_equal(again.outline_px, track.outline_px)
    assert track_from_bytes(track_to_bytes(replace(track, outline_px=None))).outline_px is None
    with pytest.raises(ValueError, match="outline_px must have shape"):
        replace(track, outline_px=np.zeros((track.time_s.size, 3, 2, 2)))
