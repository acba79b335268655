"""A C3D file of points and events: Intel byte order, floating point, no analogue channels.

After the C3D User Guide (c3d.org): blocks of 512 bytes; the header, then the parameters, then the frames.
"""

import struct
from dataclasses import dataclass

import numpy as np

from app.biomech.types import FloatArray

_BLOCK = 512
_INTEL = 84
_MAX_FRAMES = 65535
_CHAR, _INT16, _FLOAT = -1, 2, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class C3dEvent:
    """An instant of the trial."""

    context: str
    """``Left``, ``Right`` or ``General``."""
    label: str
    time_s: float
    """From the first frame."""


def c3d_bytes(
    *,
    points: FloatArray,
    labels: tuple[str, ...],
    rate_hz: float,
    units: str,
    events: tuple[C3dEvent, ...],
) -> bytes:
    """Return the file. ``points`` is (T, M, 2); the third axis is zero, a point with a NaN is marked invalid.

    Raises
    ------
    ValueError
        More frames than the format counts.
    """
    n_frames, n_points = points.shape[:2]
    if n_frames > _MAX_FRAMES:
        msg = f"C3D holds {_MAX_FRAMES} frames, got {n_frames}"
        raise ValueError(msg)
    n_blocks = 0
    parameters = b""
    for _ in range(2):  # the length of the parameters does not depend on where the data starts
        parameters = _parameters(
            n_frames=n_frames,
            labels=labels,
            rate_hz=rate_hz,
            units=units,
            events=events,
            data_block=2 + n_blocks,
        )
        n_blocks = -(-len(parameters) // _BLOCK)
    parameters = bytes((1, 80, n_blocks, _INTEL)) + parameters[4:]
    header = struct.pack(
        "<BBHHHHHfHHf",
        2,
        80,
        n_points,
        0,
        1,
        n_frames,
        0,
        -1.0,
        2 + n_blocks,
        0,
        rate_hz,
    )
    return _padded(header) + _padded(parameters) + _padded(_frames(points))


def _frames(points: FloatArray) -> bytes:
    valid = np.asarray(np.isfinite(points).all(axis=-1))
    cells = np.zeros((*points.shape[:2], 4), dtype="<f4")
    cells[..., :2] = np.where(valid[..., None], points, 0.0)
    cells[..., 3] = np.where(valid, 0.0, -1.0)
    return cells.tobytes()


def _parameters(
    *,
    n_frames: int,
    labels: tuple[str, ...],
    rate_hz: float,
    units: str,
    events: tuple[C3dEvent, ...],
    data_block: int,
) -> bytes:
    parts = [
        _group(1, "POINT"),
        _integer(1, "USED", len(labels)),
        _integer(1, "FRAMES", n_frames),
        _integer(1, "DATA_START", data_block),
        _float(1, "SCALE", -1.0),
        _float(1, "RATE", rate_hz),
        _texts(1, "UNITS", (units,)),
        _texts(1, "LABELS", labels),
        _texts(1, "DESCRIPTIONS", labels),
        _texts(1, "X_SCREEN", ("+X",)),
        _texts(1, "Y_SCREEN", ("+Y",)),
        _group(2, "ANALOG"),
        _integer(2, "USED", 0),
        _float(2, "RATE", 0.0),
        _float(2, "GEN_SCALE", 1.0),
        _group(3, "TRIAL"),
        _parameter(3, "ACTUAL_START_FIELD", _INT16, (2,), struct.pack("<HH", 1, 0)),
        _parameter(3, "ACTUAL_END_FIELD", _INT16, (2,), struct.pack("<HH", n_frames, 0)),
        _group(4, "EVENT"),
        _integer(4, "USED", len(events)),
    ]
    if events:
        times = b"".join(struct.pack("<ff", *divmod(event.time_s, 60.0)) for event in events)
        parts += [
            _texts(4, "CONTEXTS", tuple(event.context for event in events)),
            _texts(4, "LABELS", tuple(event.label for event in events)),
            _parameter(4, "TIMES", _FLOAT, (2, len(events)), times),
        ]
    return bytes(4) + b"".join(parts) + bytes(2)


def _group(group: int, name: str) -> bytes:
    return struct.pack("<bb", len(name), -group) + name.encode("ascii") + struct.pack("<HB", 3, 0)


def _parameter(group: int, name: str, kind: int, shape: tuple[int, ...], content: bytes) -> bytes:
    """Return one parameter; its offset counts from itself to the next."""
    body = struct.pack("<bB", kind, len(shape)) + bytes(shape) + content + b"\x00"
    return (
        struct.pack("<bb", len(name), group) + name.encode("ascii") + struct.pack("<H", 2 + len(body)) + body
    )


def _integer(group: int, name: str, value: int) -> bytes:
    return _parameter(group, name, _INT16, (), struct.pack("<H", value))


def _float(group: int, name: str, value: float) -> bytes:
    return _parameter(group, name, _FLOAT, (), struct.pack("<f", value))


def _texts(group: int, name: str, values: tuple[str, ...]) -> bytes:
    width = max(map(len, values))
    content = "".join(value.ljust(width) for value in values).encode("ascii")
    return _parameter(group, name, _CHAR, (width, len(values)), content)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % _BLOCK)
