"""MediaPipe's two pose networks, run by LiteRT itself: the one file that imports it.

The same weights as `mediapipe_estimator`, without the graph around them, which costs more time than the networks
and most of the memory. Several threads may ask at once: each takes an interpreter of its own for the moment.
"""

import hashlib
import importlib.metadata
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
from ai_edge_litert import schema_py_generated
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from app.biomech.types import PoseSource
from app.pose.bundle import DEFAULT_MODEL
from app.pose.detector import DETECTOR_SIZE, fit_square, people_regions
from app.pose.estimator import Picture, Reading, Region
from app.pose.landmarks import Outputs, View, close_up, combine, cut, place, read_outputs
from app.pose.network import INPUT_SIZE, detector_network, landmark_network

_MAX_PEOPLE = 4
Vectors = list[NDArray[np.float32]]


class _Network:
    """One network in as many copies as threads may run it at once, each copy on one thread."""

    def __init__(self, content: bytes, *, n_copies: int) -> None:
        self._free: queue.SimpleQueue[Interpreter] = queue.SimpleQueue()
        for _ in range(n_copies):
            interpreter = Interpreter(model_content=content, num_threads=1)
            interpreter.allocate_tensors()
            self._free.put(interpreter)

    def run(self, picture: NDArray[np.float32]) -> Vectors:
        """Return the network's outputs for one picture."""
        with self._one() as interpreter:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
            interpreter.invoke()
            return [interpreter.get_tensor(output["index"])[0] for output in interpreter.get_output_details()]

    @contextmanager
    def _one(self) -> Iterator[Interpreter]:
        interpreter = self._free.get()
        try:
            yield interpreter
        finally:
            self._free.put(interpreter)


class LiteRTEstimator:
    """Finds and reads people with the two networks of a pose landmarker bundle. Safe to use from `n_threads` threads."""

    def __init__(self, model: Path = DEFAULT_MODEL, *, n_threads: int = 1) -> None:
        """Load the bundle; raise `ModelBundleError` when it is none, `OSError` when it cannot be read."""
        self._source = PoseSource(
            estimator=f"mediapipe networks on litert {importlib.metadata.version('ai-edge-litert')}",
            model=model.stem,
            model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        )
        self._runs = 0
        self._lock = threading.Lock()
        self._landmarks = _Network(landmark_network(model, schema_py_generated), n_copies=n_threads)
        self._detector = _Network(detector_network(model), n_copies=1)

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
        square, scale, corner = fit_square(picture)
        boxes, logits = self._detector.run(square.astype(np.float32) / 127.5 - 1.0)
        self._count(1)
        regions = people_regions(boxes, logits[:, 0], most=_MAX_PEOPLE)
        return [
            self.read_person(
                picture,
                Region(
                    x_px=region.x_px * scale + corner[0],
                    y_px=region.y_px * scale + corner[1],
                    size_px=region.size_px * scale,
                    angle_rad=region.angle_rad,
                ),
                frame=frame,
            )
            for region in regions
        ]

    def read_person(self, picture: Picture, region: Region, *, frame: int) -> Reading:  # noqa: ARG002  # a replay needs to know the frame
        """Read the person in the region, plain and mirrored, and average."""
        return combine([self._view(picture, region, mirrored=mirrored) for mirrored in (False, True)])

    def warm_up(self) -> None:
        """Run everything once, so that the first video does not pay for it."""
        blank = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
        middle = Region(x_px=INPUT_SIZE / 2, y_px=INPUT_SIZE / 2, size_px=INPUT_SIZE, angle_rad=0.0)
        self.find_people(blank[:DETECTOR_SIZE], frame=0)
        self.read_person(blank, middle, frame=0)
        self._runs = 0

    def close(self) -> None:
        """Nothing is held that needs giving back."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to do."""

    def _view(self, picture: Picture, region: Region, *, mirrored: bool) -> View:
        placement = place(close_up(region), mirrored=mirrored)
        view = cut(picture, placement)
        landmarks, presence, world, heatmaps = self._landmarks.run(view.astype(np.float32) / 255.0)
        self._count(1)
        outputs = Outputs(
            landmarks=landmarks.astype(np.float64),
            presence=float(presence[0]),
            world=world.astype(np.float64),
            heatmaps=heatmaps,
        )
        return read_outputs(outputs, placement, angle_rad=region.angle_rad, mirrored=mirrored)

    def _count(self, n: int) -> None:
        with self._lock:
            self._runs += n
