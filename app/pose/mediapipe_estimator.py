"""The one file that imports MediaPipe.

Nothing here remembers an earlier frame: the Tasks API's video mode smooths the landmarks of a single person, and
its lag takes a quarter off the knee angle at landing. People are found in image mode; the person who matters is
then read with the landmark network alone, on a region we choose, plain and mirrored, because the network is not
mirror-symmetric.
"""

import hashlib
import importlib.metadata
import threading
import time
from pathlib import Path
from typing import Any, Self

import mediapipe as mp
import numpy as np
from mediapipe.tasks.metadata import schema_py_generated
from mediapipe.tasks.python import BaseOptions, vision

from app.biomech.types import PoseSource
from app.pose.bundle import DEFAULT_MODEL
from app.pose.detector import in_picture, whole_picture
from app.pose.estimator import FrameLike, Picture, Region, View
from app.pose.landmarks import Outputs, place_view, read_outputs
from app.pose.network import INPUT_SIZE, landmark_network

_MAX_PEOPLE = 4
_SEARCH_PX = 640
"""Side of the view in which people are looked for."""
_FIRST_REGION = 1.4
"""Side of the first region over the extent of the detector's landmarks."""


class MediaPipeEstimator:
    """Finds and reads people with the two networks of a pose landmarker bundle. One thread at a time."""

    def __init__(self, model: Path = DEFAULT_MODEL) -> None:
        """Load the bundle; raise `ModelBundleError` when it is none, `OSError` when it cannot be read."""
        content = model.read_bytes()
        self._source = PoseSource(
            estimator=f"mediapipe {importlib.metadata.version('mediapipe')}",
            model=model.stem,
            model_sha256=hashlib.sha256(content).hexdigest(),
        )
        self._runs, self._network_s = 0, 0.0
        self._lock = threading.Lock()
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

    @property
    def network_s(self) -> float:
        """Time spent in the networks so far, MediaPipe's own work around them included."""
        return self._network_s

    def find_people(self, frame: FrameLike) -> list[Region]:
        """Return where MediaPipe sees somebody."""
        placement = whole_picture(frame.size_px, view_px=_SEARCH_PX)
        view = frame.view(placement.matrix, placement.offset, size_px=_SEARCH_PX)
        with self._lock:
            started_s = time.perf_counter()
            found = self._finder.detect(_image(view)).pose_landmarks
            self._network_s += time.perf_counter() - started_s
            self._runs += 1 + len(found)
        regions = []
        for landmarks in found:
            xy = np.array([[point.x, point.y] for point in landmarks]) * _SEARCH_PX
            region = Region(
                x_px=float(xy[[23, 24], 0].mean()),
                y_px=float(xy[[23, 24], 1].mean()),
                size_px=max(float(np.ptp(xy, axis=0).max()) * _FIRST_REGION, 1.0),
                angle_rad=0.0,
            )
            regions.append(in_picture(region, placement))
        return regions

    def read_view(
        self,
        view: Picture,
        region: Region,
        *,
        frame: int,  # noqa: ARG002  # a replay needs to know it
        mirrored: bool,
        outlined: bool = False,  # noqa: ARG002  # its embedder puts out vectors only
    ) -> View:
        """Read the person in a view of a region, as it is or mirrored."""
        shown = view[:, ::-1] if mirrored else view
        with self._lock:
            started_s = time.perf_counter()
            heads = self._network.embed(_image(shown)).embeddings
            self._network_s += time.perf_counter() - started_s
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
        return read_outputs(
            outputs, place_view(region, mirrored=mirrored), angle_rad=region.angle_rad, mirrored=mirrored
        )

    def warm_up(self) -> None:
        """Run everything once, so that the first video does not pay for it."""
        blank = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
        middle = Region(x_px=INPUT_SIZE / 2, y_px=INPUT_SIZE / 2, size_px=INPUT_SIZE, angle_rad=0.0)
        self._finder.detect(_image(blank))
        self.read_view(blank, middle, frame=0, mirrored=False)
        self._runs, self._network_s = 0, 0.0

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


def _image(picture: Picture) -> Any:
    return mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
