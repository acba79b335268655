"""TRC and MOT as OpenSim itself reads them. Collected where it has a wheel: see `conftest`."""

from pathlib import Path

import numpy as np
import opensim
import pytest

from app.integrations.motion_files import MARKERS, motion_to_mot, motion_to_trc
from tests.unit.integrations.support import N_FRAMES, RATE_HZ, make_motion, written


def test_opensim_reads_the_markers_of_a_trc_file(tmp_path: Path) -> None:
    motion = make_motion()
    table = opensim.TimeSeriesTableVec3(written(tmp_path, "trial.trc", motion_to_trc(motion)))
    assert table.getColumnLabels() == tuple(MARKERS)
    assert table.getTableMetaDataString("Units") == "m"
    assert float(table.getTableMetaDataString("DataRate")) == pytest.approx(RATE_HZ, abs=1e-5)
    np.testing.assert_allclose(table.getIndependentColumn(), motion.time_s, atol=1e-6)
    flat = table.flatten()
    columns = [np.array(flat.getDependentColumn(label).to_numpy()) for label in flat.getColumnLabels()]
    read = np.stack(columns, axis=1).reshape(N_FRAMES, len(MARKERS), 3)
    expected = np.stack(list(motion.markers_m.values()), axis=1)
    np.testing.assert_allclose(read[..., :2], expected, atol=1e-6)
    np.testing.assert_array_equal(read[..., 2], np.where(np.isnan(expected[..., 0]), np.nan, 0.0))


def test_opensim_reads_the_angles_of_a_mot_file(tmp_path: Path) -> None:
    motion = make_motion()
    table = opensim.TimeSeriesTable(written(tmp_path, "trial.mot", motion_to_mot(motion)))
    assert table.getColumnLabels() == tuple(motion.angles_deg)
    assert table.getTableMetaDataString("inDegrees") == "yes"
    np.testing.assert_allclose(table.getIndependentColumn(), motion.time_s, atol=1e-6)
    for name, values in motion.angles_deg.items():
        np.testing.assert_allclose(np.array(table.getDependentColumn(name).to_numpy()), values, atol=1e-6)
    assert b"positive where the knee is medial" in motion_to_mot(motion)
