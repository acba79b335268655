"""The athlete's own frontal plane: a figure whose angles there are known, seen turned, from near and from far."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from app.biomech.frontal_plane import FOCAL_SHARE, FrontalPlane, with_frontal_series
from app.biomech.joints import Joint
from app.biomech.kinematics import SIDES, BodyPaths, compute_kinematics, prepare_paths
from app.biomech.landmark_model import LANDMARK_MODELS, LandmarkModel, landmark_model_of, to_joint_centres
from app.biomech.scale import scale_from_stature
from app.biomech.types import PoseSource, Side
from app.biomech.view import Yaw
from tests.synth import DropJump, drop_jump, mirrored

DISTANCE_M = FOCAL_SHARE * 1280 / 400.0
"""Where a camera with our guess of a lens stands when it shows 400 pixels a metre in a picture 1280 high."""
SHRINKING = LandmarkModel(turn_share=0.7, turn_share_sd=0.1)


def figure(**changes: object) -> tuple[DropJump, BodyPaths, np.ndarray]:
    """Return a figure, its paths, and which frames are its contact with the floor."""
    made, track = drop_jump(distance_m=DISTANCE_M, **changes)
    t = track.time_s
    return made, prepare_paths(track), (t > made.contact_at_s + 0.04) & (t < made.take_off_s - 0.04)


def seen(paths: BodyPaths, yaw_deg: float, model: LandmarkModel | None = None) -> FrontalPlane:
    return FrontalPlane.of(paths, yaw=Yaw(yaw_deg=yaw_deg, sd_deg=1.7), model=model or LandmarkModel())


@pytest.mark.parametrize("yaw_deg", [0.0, 5.0, -8.0, 12.0])
def test_fppa_when_the_athlete_is_turned_then_the_own_plane_shows_the_same_angle(yaw_deg: float) -> None:
    made, paths, contact = figure(yaw_deg=yaw_deg, rise_deg=(14.0, 6.0))
    plane = seen(paths, yaw_deg)
    for side in SIDES:
        true = made.fppa(paths.time_s, left=side is Side.LEFT)
        # depth from foreshortening is good to 3 % of a leg: about a degree at the deepest point of this landing
        assert_allclose(plane.fppa_deg(side)[contact], true[contact], atol=1.5)


def test_fppa_when_the_athlete_is_turned_then_the_picture_alone_shows_another_angle() -> None:
    _made, paths, contact = figure(yaw_deg=8.0, rise_deg=(12.0, 12.0))
    series = compute_kinematics(paths).series
    left, right = series["fppa_left_deg"][contact], series["fppa_right_deg"][contact]
    assert np.max(np.abs(left - right)) > 10.0
    turned = seen(paths, 8.0)
    assert np.max(np.abs(turned.fppa_deg(Side.LEFT) - turned.fppa_deg(Side.RIGHT))[contact]) < 1.5


def test_depths_when_the_leg_folds_then_the_knee_comes_forward_by_what_the_figure_says() -> None:
    made, paths, contact = figure()
    t = paths.time_s[contact]
    half = 0.5 * (made.hip_height(t) - 0.08)
    forward = np.sqrt(0.42**2 - half**2) / 0.84
    depths = seen(paths, 0.0).depths[Side.LEFT]
    assert_allclose(depths.knee[contact], forward, atol=0.05)
    assert_allclose(depths.hip[contact], 0.0, atol=0.08)


def test_perspective_when_the_camera_is_near_then_it_is_taken_off() -> None:
    # The worked example of the method: a straight leg at 0.12 m, knee 0.30 m nearer, reads 3.9 deg varus at 3 m.
    _made, paths, contact = figure(base_deg=(0.0, 0.0), rise_deg=(0.0, 0.0))
    picture = compute_kinematics(paths).series["fppa_left_deg"][contact]
    assert picture.min() < -2.0
    assert_allclose(seen(paths, 0.0).fppa_deg(Side.LEFT)[contact], 0.0, atol=0.5)


@pytest.mark.parametrize("yaw_deg", [0.0, 8.0])
def test_knee_separation_when_bent_knees_are_nearer_then_they_are_as_far_apart_as_on_straight_legs(
    yaw_deg: float,
) -> None:
    # No valgus at all: the knees are above the ankles, 0.20 m apart, however far the legs fold.
    made, paths, contact = figure(base_deg=(0.0, 0.0), rise_deg=(0.0, 0.0), yaw_deg=yaw_deg)
    true_px = 0.20 * made.scale_px_m * np.cos(np.radians(yaw_deg))
    knees = [paths.leg(side)[1][contact, 0] for side in SIDES]
    assert np.max(np.abs(knees[0] - knees[1])) > 1.05 * true_px
    # depth of the knees is good to 5 % of a leg, of 3.6 to the camera: 1.4 %
    assert_allclose(seen(paths, yaw_deg).knee_separation_px()[contact], true_px, rtol=0.02)


def test_scale_when_the_landmarks_show_a_shorter_leg_then_a_pixel_is_as_long_as_between_the_joints() -> None:
    model = LandmarkModel(leg_share=0.95, leg_share_sd=0.03)
    between_joints = scale_from_stature(171.0, leg_px=340.0, model=LandmarkModel())
    between_landmarks = scale_from_stature(171.0, leg_px=0.95 * 340.0, model=model)
    assert between_landmarks.cm_per_px == pytest.approx(between_joints.cm_per_px)
    assert (between_joints.relative_sd, between_landmarks.relative_sd) == pytest.approx((0.04, 0.05))


def test_straightened_when_the_model_hides_part_of_a_turn_then_it_is_put_back() -> None:
    _made, paths, contact = figure(yaw_deg=10.0)
    full = seen(paths, 10.0)
    hidden = 0.3 * np.sin(np.radians(10.0)) * paths.leg_px
    smooth_px = paths.smooth_px.copy()
    for side in SIDES:
        for part in ("HIP", "KNEE"):
            depth = getattr(full.depths[side], part.lower())
            smooth_px[:, Joint[f"{side.name}_{part}"], 0] -= hidden * depth
    shown = replace(paths, smooth_px=smooth_px)
    restored = seen(shown, 10.0, SHRINKING).paths.smooth_px
    assert_allclose(restored[contact], paths.smooth_px[contact], atol=0.01 * paths.leg_px)
    assert np.abs(smooth_px - paths.smooth_px)[contact].max() > 0.015 * paths.leg_px


def test_straightened_when_the_athlete_is_square_or_the_model_shows_all_then_nothing_moves() -> None:
    _, paths, _ = figure()
    assert seen(paths, 0.0, SHRINKING).paths is paths
    assert seen(paths, 9.0).paths is paths


def test_errors_when_yaw_or_lens_is_off_by_its_sd_then_the_angle_is_off_by_what_was_stated() -> None:
    _made, paths, contact = figure(yaw_deg=6.0)
    plane = seen(paths, 6.0)
    by_yaw, by_lens = plane.fppa_se_deg(Side.LEFT)
    off = seen(paths, 6.0 + 1.7).fppa_deg(Side.LEFT) - plane.fppa_deg(Side.LEFT)
    assert_allclose(np.abs(off[contact]), np.abs(by_yaw[contact]), atol=0.3)
    # the two knees are moved opposite ways, so that their mean is free of it
    assert_allclose(by_yaw[contact] + plane.fppa_se_deg(Side.RIGHT)[0][contact], 0.0, atol=0.5)
    assert np.max(np.abs(by_lens[contact])) > 0.2
    wider = replace(plane, focal_share=FOCAL_SHARE * 1.3).fppa_deg(Side.LEFT) - plane.fppa_deg(Side.LEFT)
    assert_allclose(wider[contact], by_lens[contact], atol=0.5)


def test_fppa_when_picture_is_mirrored_then_the_sides_swap() -> None:
    _, track = drop_jump(distance_m=DISTANCE_M, yaw_deg=7.0, rise_deg=(15.0, 5.0))
    one, other = seen(prepare_paths(track), 7.0), seen(prepare_paths(mirrored(track)), -7.0)
    assert_allclose(one.fppa_deg(Side.LEFT), other.fppa_deg(Side.RIGHT), atol=1e-6)


def test_fppa_when_a_leg_was_not_seen_then_it_is_nan_and_the_other_is_not() -> None:
    _, paths, contact = figure()
    smooth_px = paths.smooth_px.copy()
    smooth_px[contact, Joint.LEFT_KNEE] = np.nan
    plane = seen(replace(paths, smooth_px=smooth_px), 5.0, SHRINKING)
    assert np.isnan(plane.fppa_deg(Side.LEFT)[contact]).all()
    assert np.isfinite(plane.fppa_deg(Side.RIGHT)[contact]).all()
    series = with_frontal_series(compute_kinematics(paths), None).series
    assert np.isnan(series["fppa_frontal_left_deg"]).all()


def test_landmark_model_when_the_estimator_is_unknown_then_nothing_is_taken_off() -> None:
    _, track = drop_jump()
    paths = prepare_paths(track)
    assert landmark_model_of(track.source) == LandmarkModel()
    assert_allclose(to_joint_centres(paths, LandmarkModel()).smooth_px, paths.smooth_px)


@pytest.mark.parametrize("behind", [False, True])
def test_joint_centres_when_seen_from_the_front_or_behind_then_joints_move_apart_as_far_as_the_legs_are_bent(
    behind: bool,
) -> None:
    _, track = drop_jump(yaw_deg=180.0 if behind else 0.0)
    paths = prepare_paths(track)
    model = LandmarkModel(
        knee_medial_legs=0.003, ankle_medial_legs=-0.002, knee_bent_legs=0.02, ankle_bent_legs=-0.01
    )
    moved = to_joint_centres(paths, model)
    bent = 0.0
    for side in (Side.LEFT, Side.RIGHT):
        hip, knee, _ = paths.leg(side)
        bent += np.clip(1.0 - np.hypot(*(knee - hip).T) / paths.thigh_px, 0.0, None)
    assert np.nanmax(bent) > 0.5  # the athlete does bend
    for left, right, straight_legs, bent_legs in (
        (Joint.LEFT_KNEE, Joint.RIGHT_KNEE, model.knee_medial_legs, model.knee_bent_legs),
        (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE, model.ankle_medial_legs, model.ankle_bent_legs),
    ):
        wider = separation(moved, left, right) - separation(paths, left, right)
        assert_allclose(wider, (2.0 * straight_legs + bent_legs * bent) * paths.leg_px, atol=1e-6)
    assert_allclose(moved.raw_px, paths.raw_px)


def separation(paths: BodyPaths, left: Joint, right: Joint) -> np.ndarray:
    return np.abs(paths.smooth_px[:, left, 0] - paths.smooth_px[:, right, 0])


def test_landmark_model_when_it_is_mediapipe_by_either_engine_then_it_is_known() -> None:
    for name in ("mediapipe 1.2.2", "mediapipe networks on litert 2.1"):
        source = PoseSource(estimator=name, model="full", model_sha256="-")
        assert landmark_model_of(source) is LANDMARK_MODELS["mediapipe"]
