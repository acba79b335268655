"""Curves as Parquet and landmarks as npz, for programs that compute with them.

NaN means: not measurable, or withheld. The same values give the same bytes.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.biomech.joints import Joint
from app.biomech.types import FloatArray, PoseTrack

PARQUET, NPZ = "application/vnd.apache.parquet", "application/x-npz"
LANDMARK_NAMES = tuple(joint.name.lower() for joint in Joint)
"""The landmarks in the order of the second axis."""
LANDMARKS_SCHEMA = "plumbline.landmarks/1"
SERIES_SCHEMA = "plumbline.series/1"
SIGNS = (
    "Knee angles are positive where the knee is medial of the line hip to ankle (valgus), on both sides; left and right"
    " are the athlete's; flexion is 0 in a straight leg. Angles in the picture of one camera, not joint angles in space."
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One curve as a column."""

    name: str
    unit: str
    is_withheld: bool
    values: FloatArray
    """(T,)"""


def series_to_parquet(time_s: FloatArray, columns: Sequence[Column], *, facts: Mapping[str, str]) -> bytes:
    """Return one row per frame; each column's unit, and whether it is withheld, stand in the column's metadata.

    `facts` become the file's own metadata, besides the schema and the signs.
    """
    import pyarrow as pa  # a tenth of a second that only those who ask for Parquet wait for
    from pyarrow import parquet

    fields = [pa.field("time_s", pa.float64(), nullable=False, metadata={"unit": "s"})]
    arrays = [pa.array(time_s)]
    for column in columns:
        withheld = str(column.is_withheld).lower()
        fields.append(
            pa.field(column.name, pa.float64(), metadata={"unit": column.unit, "withheld": withheld})
        )
        arrays.append(pa.array(column.values, from_pandas=True))  # NaN becomes null
    schema = pa.schema(fields, metadata={"schema": SERIES_SCHEMA, "signs": SIGNS, **facts})
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()


def landmarks_to_npz(track: PoseTrack, *, facts: Mapping[str, str]) -> bytes:
    """Return ``time_s`` (T,), ``xy_px`` (T, 33, 2), ``confidence`` (T, 33), ``image_size_px`` (2,) and ``names`` (33,).

    `facts` are added as texts. Nothing in it is pickled: ``numpy.load(file)`` reads it as it is.
    """
    arrays: dict[str, NDArray[Any]] = {
        "schema": np.array(LANDMARKS_SCHEMA),
        "names": np.array(LANDMARK_NAMES),
        "time_s": track.time_s,
        "xy_px": track.xy_px,
        "confidence": track.confidence,
        "image_size_px": np.array(track.image_size_px, dtype=np.int64),
        **{name: np.array(value) for name, value in facts.items()},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as file:
                np.lib.format.write_array(file, np.asarray(values, order="C"), allow_pickle=False)
    return buffer.getvalue()
