import numpy as np
from numpy.testing import assert_allclose

from app.biomech.joints import MIRROR, N_JOINTS, Joint
from app.media.frame import cut
from app.pose.estimator import Picture, Region
from app.pose.landmarks import Outputs, Placement, close_up, combine, place, read_outputs
from app.pose.network import HEATMAP_JOINTS, HEATMAP_SIZE, INPUT_SIZE, N_OUTPUT_LANDMARKS

_REGION = Region(x_px=300.0, y_px=500.0, size_px=640.0, angle_rad=0.2)


def _outputs(
    *, points: dict[int, tuple[float, float]], peaks: dict[int, tuple[int, int]] | None = None
) -> Outputs:
    table = np.full((N_OUTPUT_LANDMARKS, 5), 128.0)
    table[34] = [128.0, 28.0, 0.0, 0.0, 0.0]
    for joint, (x, y) in points.items():
        table[joint, :2] = (x, y)
    maps = np.full((HEATMAP_SIZE, HEATMAP_SIZE, len(HEATMAP_JOINTS)), -20.0)
    for joint, (column, row) in (peaks or {}).items():
        maps[row, column, HEATMAP_JOINTS.index(joint)] = 8.0
    world = np.arange(N_OUTPUT_LANDMARKS * 3, dtype=float)
    return Outputs(landmarks=table.reshape(-1), presence=1.0, world=world, heatmaps=maps.reshape(-1))


def _cut(picture: Picture, placement: Placement) -> Picture:
    return cut(picture, placement.matrix, placement.offset, size_px=INPUT_SIZE)


def test_place_when_mirrored_then_the_regions_axis_stays_and_sides_change() -> None:
    plain, mirrored = place(_REGION, mirrored=False), place(_REGION, mirrored=True)
    points = np.array([[128.0, 128.0], [128.0, 40.0], [20.0, 77.0]])
    reflected = points * [-1, 1] + [256, 0]
    assert_allclose(plain.to_picture(points[0]), [300.0, 500.0], atol=1e-9)
    assert_allclose(plain.to_picture(points), mirrored.to_picture(reflected), atol=1e-9)


def test_cut_when_mirrored_then_it_shows_the_same_pixels_reflected() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (400, 300, 3), dtype=np.uint8)
    region = Region(x_px=150.0, y_px=200.0, size_px=256.0, angle_rad=0.0)
    plain, mirrored = (_cut(picture, place(region, mirrored=side)) for side in (False, True))
    assert_allclose(plain, mirrored[:, ::-1], atol=1)
    assert_allclose(plain, picture[72:328, 22:278], atol=1)


def test_read_outputs_when_heatmap_peaks_then_the_joint_sits_at_the_corner_of_the_cell() -> None:
    placement = place(Region(x_px=128.0, y_px=128.0, size_px=256.0, angle_rad=0.0), mirrored=False)
    outputs = _outputs(points={Joint.LEFT_KNEE: (100.0, 100.0)}, peaks={Joint.LEFT_KNEE: (26, 24)})
    view = read_outputs(outputs, placement, angle_rad=0.0, mirrored=False)
    assert_allclose(view.points_px[Joint.LEFT_KNEE], [104.0, 96.0], atol=1e-3)


def test_read_outputs_when_the_spot_lies_at_the_windows_edge_then_the_window_follows_it() -> None:
    placement = place(Region(x_px=128.0, y_px=128.0, size_px=256.0, angle_rad=0.0), mirrored=False)
    outputs = _outputs(points={Joint.LEFT_KNEE: (100.0, 100.0)})
    rows, columns = np.mgrid[:HEATMAP_SIZE, :HEATMAP_SIZE]
    maps = outputs.heatmaps.reshape(HEATMAP_SIZE, HEATMAP_SIZE, len(HEATMAP_JOINTS))
    maps[:, :, HEATMAP_JOINTS.index(Joint.LEFT_KNEE)] = 4.0 - (columns - 28) ** 2 - (rows - 22) ** 2
    view = read_outputs(outputs, placement, angle_rad=0.0, mirrored=False)
    assert_allclose(view.points_px[Joint.LEFT_KNEE], [112.0, 88.0], atol=0.02)


def test_close_up_when_taken_then_it_lies_lower_along_the_body_and_is_smaller() -> None:
    shown = close_up(_REGION)
    assert shown.angle_rad == _REGION.angle_rad
    assert 0.5 * _REGION.size_px < shown.size_px < _REGION.size_px
    across = (shown.x_px - _REGION.x_px) * np.cos(0.2) + (shown.y_px - _REGION.y_px) * np.sin(0.2)
    along = -(shown.x_px - _REGION.x_px) * np.sin(0.2) + (shown.y_px - _REGION.y_px) * np.cos(0.2)
    assert_allclose(across, 0.0, atol=1e-9)
    # feet, at the lower edge of a region with its usual margin, stay inside
    assert along + 0.5 * shown.size_px > 0.4 * _REGION.size_px


def test_read_outputs_when_heatmap_sees_nothing_near_then_the_coordinate_output_stands() -> None:
    placement = place(Region(x_px=128.0, y_px=128.0, size_px=256.0, angle_rad=0.0), mirrored=False)
    for peaks in ({}, {Joint.LEFT_KNEE: (60, 60)}):
        outputs = _outputs(points={Joint.LEFT_KNEE: (100.0, 100.0)}, peaks=peaks)
        view = read_outputs(outputs, placement, angle_rad=0.0, mirrored=False)
        assert_allclose(view.points_px[Joint.LEFT_KNEE], [100.0, 100.0], atol=1e-9)


def test_read_outputs_when_joint_lies_outside_then_it_is_left_where_it_was_put() -> None:
    placement = place(Region(x_px=128.0, y_px=128.0, size_px=256.0, angle_rad=0.0), mirrored=False)
    outputs = _outputs(points={Joint.LEFT_ANKLE: (120.0, 300.0)})
    assert_allclose(
        read_outputs(outputs, placement, angle_rad=0.0, mirrored=False).points_px[27], [120.0, 300.0]
    )


def test_combine_when_both_views_agree_then_left_and_right_are_the_athletes() -> None:
    plain = _outputs(points={Joint.LEFT_KNEE: (150.0, 170.0), Joint.RIGHT_KNEE: (90.0, 160.0)})
    seen_mirrored = _outputs(points={Joint.RIGHT_KNEE: (106.0, 170.0), Joint.LEFT_KNEE: (166.0, 160.0)})
    views = [
        read_outputs(
            outputs, place(_REGION, mirrored=mirrored), angle_rad=_REGION.angle_rad, mirrored=mirrored
        )
        for outputs, mirrored in ((plain, False), (seen_mirrored, True))
    ]
    for joint in (Joint.LEFT_KNEE, Joint.RIGHT_KNEE):
        assert_allclose(views[0].points_px[joint], views[1].points_px[joint], atol=1e-9)
    reading = combine(views)
    assert reading.xy_px.shape == (N_JOINTS, 2)
    # circle point 100 input pixels above the hips of a region whose pixels count 2.5
    assert_allclose([reading.region.size_px, reading.region.angle_rad], [2 * 250 * 1.25, 0.2], atol=1e-9)
    assert sorted(MIRROR) == list(range(N_JOINTS))
