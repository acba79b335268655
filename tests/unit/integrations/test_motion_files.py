"""TRC, MOT and C3D, read back by programs that are not ours: ezc3d and c3d; what OpenSim reads is in `test_opensim`."""

import io
from dataclasses import replace
from pathlib import Path

import c3d
import ezc3d
import numpy as np
import pytest

from app.biomech.types import FloatArray
from app.integrations.motion_files import (
    MARKERS,
    Motion,
    angle_columns,
    markers_m,
    motion_to_c3d,
    motion_to_trc,
)
from tests.unit.integrations.support import N_FRAMES, RATE_HZ, make_markers, make_motion, written


def test_the_head_of_a_trc_file_counts_frames_from_one() -> None:
    lines = motion_to_trc(make_motion()).decode().split("\n")
    assert lines[0] == "PathFileType\t4\t(X/Y/Z)\ttrial.trc"
    assert lines[2] == f"29.970000\t29.970000\t{N_FRAMES}\t{len(MARKERS)}\tm\t29.970000\t1\t{N_FRAMES}"
    assert [line.split("\t")[0] for line in lines[6:-1]] == [str(i) for i in range(1, N_FRAMES + 1)]


def test_ezc3d_reads_points_rate_and_events_of_a_c3d_file(tmp_path: Path) -> None:
    motion = make_motion()
    read = ezc3d.c3d(written(tmp_path, "trial.c3d", motion_to_c3d(motion)))
    point, event = read["parameters"]["POINT"], read["parameters"]["EVENT"]
    assert point["LABELS"]["value"] == list(MARKERS)
    assert point["UNITS"]["value"] == ["mm"]
    assert point["RATE"]["value"][0] == pytest.approx(RATE_HZ, abs=1e-5)
    assert (read["header"]["points"]["first_frame"], read["header"]["points"]["last_frame"]) == (
        0,
        N_FRAMES - 1,
    )
    expected = 1000.0 * np.stack(list(motion.markers_m.values()), axis=1)
    points = read["data"]["points"]
    np.testing.assert_allclose(points[:2].transpose(2, 1, 0), expected, atol=1e-3)
    assert event["CONTEXTS"]["value"] == ["Left", "General", "Right"]
    assert event["LABELS"]["value"] == ["Foot Strike", "peak_knee_flexion", "Foot Off"]
    np.testing.assert_allclose(event["TIMES"]["value"][0], 0.0)
    np.testing.assert_allclose(event["TIMES"]["value"][1], [0.3123, 0.5, 0.711], atol=1e-6)


def test_a_second_reader_agrees_on_the_c3d_file() -> None:
    motion = make_motion()
    with pytest.warns(UserWarning, match="No analog data"):  # true: a video has none
        read = c3d.Reader(io.BytesIO(motion_to_c3d(motion)))
    frames = [(number, points[:, :4].copy()) for number, points, _ in read.read_frames()]
    assert [number for number, _ in frames] == list(range(1, N_FRAMES + 1))
    assert read.point_rate == pytest.approx(RATE_HZ, abs=1e-5)
    assert [label.strip() for label in read.point_labels] == list(MARKERS)
    assert read.get("EVENT:USED").int16_value == len(motion.events)
    expected = 1000.0 * np.stack(list(motion.markers_m.values()), axis=1)
    points = np.stack([points for _, points in frames])
    measured = np.isfinite(expected).all(axis=-1)
    np.testing.assert_array_equal(points[..., 3] >= 0.0, measured)
    np.testing.assert_allclose(points[measured][:, :2], expected[measured], atol=1e-3)


def test_uneven_frames_stand_at_their_true_times_in_c3d_and_gaps_stay_empty(tmp_path: Path) -> None:
    uneven = 0.2 + np.arange(N_FRAMES) / RATE_HZ + np.where(np.arange(N_FRAMES) % 2, 0.004, 0.0)
    uneven = np.delete(uneven, [20, 21])
    motion = replace(make_motion(uneven), markers_m=make_markers(uneven))
    read = ezc3d.c3d(written(tmp_path, "trial.c3d", motion_to_c3d(motion)))
    rate_hz = read["parameters"]["POINT"]["RATE"]["value"][0]
    assert (len(uneven) - 1) / rate_hz == pytest.approx(uneven[-1] - uneven[0], abs=1e-5)
    even = uneven[0] + np.arange(len(uneven)) / rate_hz
    hip = read["data"]["points"][:2, 0].T
    in_gap = (even > uneven[19]) & (even < uneven[20])
    assert in_gap.sum() >= 2
    assert np.isnan(hip[in_gap]).all()
    true = 1000.0 * np.stack((0.3 + 0.2 * (even - even[0]), 1.7 - 0.5 * (even - even[0])), axis=1)
    np.testing.assert_allclose(hip[~in_gap], true[~in_gap], atol=0.01)


def test_a_trial_without_events_has_an_empty_event_section(tmp_path: Path) -> None:
    read = ezc3d.c3d(written(tmp_path, "trial.c3d", motion_to_c3d(replace(make_motion(), events=()))))
    assert read["parameters"]["EVENT"]["USED"]["value"][0] == 0


def test_markers_stand_upright_in_metres_and_a_middle_needs_both_sides() -> None:
    xy_px = np.full((2, 33, 2), 100.0)
    xy_px[0, 24] = (140.0, 500.0)
    xy_px[1, 24] = np.nan
    places = markers_m(xy_px, image_height_px=1000, m_per_px=0.002)
    np.testing.assert_allclose(places["RHip"][0], (0.28, 1.0))
    np.testing.assert_allclose(places["Hip"][0], (0.24, 1.4))
    assert np.isnan(places["Hip"][1]).all()


def test_only_angles_that_were_measured_become_columns() -> None:
    series = {
        "fppa_left_deg": np.array([1.0, np.nan]),
        "knee_flexion_left_deg": np.full(2, np.nan),
        "knee_ankle_separation_ratio": np.ones(2),
    }
    assert list(angle_columns(series)) == ["fppa_left"]


@pytest.mark.parametrize("time_s", [np.array([0.0]), np.array([0.0, 0.0])])
def test_a_motion_without_a_rate_is_refused(time_s: FloatArray) -> None:
    with pytest.raises(ValueError, match="at least two strictly increasing"):
        Motion(name="trial", time_s=time_s, markers_m={}, angles_deg={})
