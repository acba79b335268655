"""Pose tracks and kinematics as bytes: versioned npz, the same bytes for the same values, never pickled."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.biomech.types import Kinematics, PoseSource, PoseTrack

TRACK_SCHEMA = 1
KINEMATICS_SCHEMA = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip can hold: no date in the bytes."""
_MAX_UNPACKED_BYTES = 512 * 1024 * 1024
_MAX_MEMBERS = 200
_SERIES = "series/"


class UnreadableTrackError(ValueError):
    """The bytes are not a track, or not one of a version known here."""


def track_to_bytes(track: PoseTrack, *, squeeze: bool = True) -> bytes:
    """Return the track as npz bytes; without `squeeze` ten times as quickly, for bytes that are not kept."""
    arrays: dict[str, NDArray[Any] | np.generic] = {
        "schema": np.int64(TRACK_SCHEMA),
        "time_s": track.time_s,
        "xy_px": track.xy_px,
        "confidence": track.confidence,
        "image_size_px": np.array(track.image_size_px, dtype=np.int64),
        "n_people": track.n_people,
        "bystander_ratio": np.float64(track.bystander_ratio),
        "source": np.array([track.source.estimator, track.source.model, track.source.model_sha256]),
    }
    if track.world_m is not None:
        arrays["world_m"] = track.world_m
    if track.heads is not None:
        arrays["heads"] = track.heads
    if track.outline_px is not None:
        arrays["outline_px"] = track.outline_px
    return _packed(arrays, squeeze=squeeze)


def track_from_bytes(content: bytes) -> PoseTrack:
    """Return the track; raise `UnreadableTrackError` when the bytes are not one."""
    arrays = _unpacked(content, schema=TRACK_SCHEMA)
    try:
        estimator, model, model_sha256 = (str(part) for part in arrays["source"])
        width, height = (int(part) for part in arrays["image_size_px"])
        return PoseTrack(
            time_s=arrays["time_s"],
            xy_px=arrays["xy_px"],
            confidence=arrays["confidence"],
            world_m=arrays.get("world_m"),
            image_size_px=(width, height),
            source=PoseSource(estimator=estimator, model=model, model_sha256=model_sha256),
            n_people=arrays["n_people"],
            bystander_ratio=float(arrays["bystander_ratio"]),
            heads=arrays.get("heads"),
            outline_px=arrays.get("outline_px"),
        )
    except (KeyError, ValueError, TypeError) as error:
        msg = f"not a pose track: {error}"
        raise UnreadableTrackError(msg) from error


def kinematics_to_bytes(kinematics: Kinematics) -> bytes:
    """Return the kinematics as npz bytes."""
    arrays: dict[str, NDArray[Any] | np.generic] = {
        "schema": np.int64(KINEMATICS_SCHEMA),
        "time_s": kinematics.time_s,
        "rate_hz": np.float64(kinematics.rate_hz),
        **{f"{_SERIES}{name}": values for name, values in kinematics.series.items()},
    }
    return _packed(arrays)


def kinematics_from_bytes(content: bytes) -> Kinematics:
    """Return the kinematics; raise `UnreadableTrackError` when the bytes are not any."""
    arrays = _unpacked(content, schema=KINEMATICS_SCHEMA)
    try:
        return Kinematics(
            time_s=arrays["time_s"],
            rate_hz=float(arrays["rate_hz"]),
            series={
                name.removeprefix(_SERIES): values
                for name, values in arrays.items()
                if name.startswith(_SERIES)
            },
        )
    except (KeyError, ValueError, TypeError) as error:
        msg = f"not kinematics: {error}"
        raise UnreadableTrackError(msg) from error


def _packed(arrays: Mapping[str, NDArray[Any] | np.generic], *, squeeze: bool = True) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, values in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED if squeeze else zipfile.ZIP_STORED
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(values), allow_pickle=False)
    return buffer.getvalue()


def _unpacked(content: bytes, *, schema: int) -> dict[str, NDArray[Any]]:
    """Return the arrays by name, in order; sizes are checked before anything is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if (
                len(members) > _MAX_MEMBERS
                or sum(member.file_size for member in members) > _MAX_UNPACKED_BYTES
            ):
                msg = "too large to be a track"
                raise UnreadableTrackError(msg)
            arrays = {}
            for member in members:
                with archive.open(member) as file:
                    arrays[member.filename.removesuffix(".npy")] = np.lib.format.read_array(
                        file, allow_pickle=False
                    )
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        msg = f"not an npz of ours: {error}"
        raise UnreadableTrackError(msg) from error
    if "schema" not in arrays or int(arrays["schema"].reshape(-1)[0]) != schema:
        msg = f"schema {arrays.get('schema')} is not {schema}"
        raise UnreadableTrackError(msg)
    return {
        name: values.reshape(()) if name in _SCALARS else values
        for name, values in arrays.items()
        if name != "schema"
    }


_SCALARS = frozenset({"rate_hz", "bystander_ratio"})
"""`ascontiguousarray` gives single numbers one axis; they lose it again here."""
