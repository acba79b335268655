"""The one file that imports MediaPipe.

Nothing here remembers an earlier frame: the Tasks API's video mode smooths the landmarks of a single person, and
its lag takes a quarter off the knee angle at landing. People are found in image mode; the person who matters is
then read with the landmark network alone, on a region we choose, plain and mirrored, because the network is not
mirror-symmetric.
"""

import hashlib
import importlib.metadata
from pathlib import Path
from typing import Any, Self

import mediapipe as mp
import numpy as np
from mediapipe.tasks.metadata import schema_py_generated
from mediapipe.tasks.python import BaseOptions, vision

from app.biomech.types import PoseSource
from app.pose.bundle import DEFAULT_MODEL
from app.pose.estimator import Picture, Reading, Region
from app.pose.landmarks import Outputs, View, close_up, combine, cut, place, read_outputs
from app.pose.network import INPUT_SIZE, landmark_network

_MAX_PEOPLE = 4
_FIRST_REGION = 1.4
"""Side of the first region over the extent of the detector's landmarks."""


class MediaPipeEstimator:
    """Finds and reads people with the two networks of a pose landmarker bundle. Not for use by two threads at once."""

    def __init__(self, model: Path = DEFAULT_MODEL) -> None:
        """Load the bundle; raise `ModelBundleError` when it is none, `OSError` when it cannot be read."""
        content = model.read_bytes()
        self._source = PoseSource(
            estimator=f"mediapipe {importlib.metadata.version('mediapipe')}",
            model=model.stem,
            model_sha256=hashlib.sha256(content).hexdigest(),
        )
        self._runs = 0
        network = landmark_network(model, schema_py_generated)
        self._network = vision.ImageEmbedder.create_from_options(
            vision.ImageEmbedderOptions(
                base_options=BaseOptions(model_asset_buffer=network), l2_normalize=False, quantize=False
            )
        )
        self._finder = vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=content),
                running_mode=vision.RunningMode.IMAGE,
                num_poses=_MAX_PEOPLE,
            )
        )

    @property
    def source(self) -> PoseSource:
        """What the landmarks come from."""
        return self._source

    @property
    def n_network_runs(self) -> int:
        """Network evaluations so far."""
        return self._runs

    def find_people(self, picture: Picture, *, frame: int) -> list[Reading]:
        """Return everybody the detector sees, each read closely."""
        height, width = picture.shape[:2]
        found = self._finder.detect(_image(picture)).pose_landmarks
        self._runs += 1 + len(found)
        readings = []
        for landmarks in found:
            xy = np.array([[point.x * width, point.y * height] for point in landmarks])
            region = Region(
                x_px=float(xy[[23, 24], 0].mean()),
                y_px=float(xy[[23, 24], 1].mean()),
                size_px=max(float(np.ptp(xy, axis=0).max()) * _FIRST_REGION, 1.0),
                angle_rad=0.0,
            )
            readings.append(self.read_person(picture, region, frame=frame))
        return readings

    def read_person(self, picture: Picture, region: Region, *, frame: int) -> Reading:  # noqa: ARG002  # a replay needs to know the frame
        """Read the person in the region, plain and mirrored, and average."""
        return combine([self._view(picture, region, mirrored=mirrored) for mirrored in (False, True)])

    def warm_up(self) -> None:
        """Run everything once, so that the first video does not pay for it."""
        blank = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
        middle = Region(x_px=INPUT_SIZE / 2, y_px=INPUT_SIZE / 2, size_px=INPUT_SIZE, angle_rad=0.0)
        self.find_people(blank, frame=0)
        self.read_person(blank, middle, frame=0)
        self._runs = 0

    def close(self) -> None:
        """Free the engine."""
        self._network.close()
        self._finder.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Free the engine."""
        self.close()

    def _view(self, picture: Picture, region: Region, *, mirrored: bool) -> View:
        placement = place(close_up(region), mirrored=mirrored)
        heads = self._network.embed(_image(cut(picture, placement))).embeddings
        self._runs += 1
        landmarks, presence, world, heatmaps = (
            np.asarray(head.embedding, dtype=np.float32) for head in heads
        )
        outputs = Outputs(
            landmarks=landmarks.astype(np.float64),
            presence=float(presence[0]),
            world=world.astype(np.float64),
            heatmaps=heatmaps,
        )
        return read_outputs(outputs, placement, angle_rad=region.angle_rad, mirrored=mirrored)


def _image(picture: Picture) -> Any:
    return mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
