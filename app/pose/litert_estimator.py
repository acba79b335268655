"""MediaPipe's two pose networks, run by LiteRT itself: the one file that imports it.

The same weights as `mediapipe_estimator`, without the graph around them, which costs more time than the networks
and most of the memory. Several threads may ask at once: each takes an interpreter of its own for the moment.
"""

import hashlib
import importlib.metadata
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert import schema_py_generated
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from app.biomech.types import PoseSource
from app.pose.bundle import DEFAULT_MODEL
from app.pose.detector import DETECTOR_SIZE, in_picture, people_regions, whole_picture
from app.pose.estimator import FrameLike, Picture, Region, View
from app.pose.landmarks import Outputs, place_view, read_outputs
from app.pose.network import (
    INPUT_SIZE,
    LEGS_COLUMNS,
    LEGS_ROWS,
    detector_network,
    landmark_network,
    silhouette_network,
)
from app.pose.silhouette import outline_of

_MAX_PEOPLE = 4
_N_VECTORS = 4
"""Outputs of the landmark network that every reading needs; what comes after them is for silhouettes."""
Vectors = list[NDArray[np.float32]]


class _Network:
    """One network in as many copies as threads may run it at once, each copy on one thread."""

    def __init__(self, content: bytes, *, n_copies: int) -> None:
        self.n_copies = n_copies
        self._free: queue.SimpleQueue[Interpreter] = queue.SimpleQueue()
        for _ in range(n_copies):
            interpreter = Interpreter(model_content=content, num_threads=1)
            interpreter.allocate_tensors()
            self._free.put(interpreter)
        self._inputs = [place["index"] for place in interpreter.get_input_details()]
        self._outputs = [output["index"] for output in interpreter.get_output_details()]

    def run(
        self, picture: Picture, *, scale: float, shift: float = 0.0, n_outputs: int | None = None
    ) -> tuple[Vectors, float]:
        """Return the network's (first) outputs for one picture, its values scaled and shifted, and how long it ran."""
        with self._one() as interpreter:
            shown = interpreter.tensor(self._inputs[0])()[
                0
            ]  # written in place; no copy, and no longer held below
            np.multiply(picture, np.float32(scale), out=shown)
            if shift:
                shown += np.float32(shift)
            del shown
            started_s = time.perf_counter()
            interpreter.invoke()
            took_s = time.perf_counter() - started_s
            return [interpreter.get_tensor(output)[0] for output in self._outputs[:n_outputs]], took_s

    def continued(self, layers: Vectors) -> tuple[Vectors, float]:
        """Return the network's outputs for the layers of another one, and how long it ran."""
        with self._one() as interpreter:
            for place, layer in zip(self._inputs, layers, strict=True):
                interpreter.set_tensor(place, layer[None])
            started_s = time.perf_counter()
            interpreter.invoke()
            took_s = time.perf_counter() - started_s
            return [interpreter.get_tensor(output)[0] for output in self._outputs], took_s

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
        self._runs, self._network_s = 0, 0.0
        self._lock = threading.Lock()
        self._landmarks = _Network(
            landmark_network(model, schema_py_generated, with_layers=True), n_copies=n_threads
        )
        self._silhouettes = _Network(silhouette_network(model, schema_py_generated), n_copies=n_threads)
        self._detector = _Network(detector_network(model), n_copies=1)

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
        """Time spent in the networks so far, all threads together."""
        return self._network_s

    def find_people(self, frame: FrameLike) -> list[Region]:
        """Return where the detector sees somebody."""
        placement = whole_picture(frame.size_px)
        view = frame.view(placement.matrix, placement.offset, size_px=DETECTOR_SIZE)
        boxes, logits = self._run(self._detector, view, scale=1 / 127.5, shift=-1.0)
        regions = people_regions(boxes, logits[:, 0], most=_MAX_PEOPLE)
        return [in_picture(region, placement) for region in regions]

    def read_view(
        self,
        view: Picture,
        region: Region,
        *,
        frame: int,  # noqa: ARG002  # a replay needs to know it
        mirrored: bool,
        outlined: bool = False,
    ) -> View:
        """Read the person in a view of a region, as it is or mirrored."""
        # flipped first: reading it backwards takes four times as long
        shown = np.asarray(cv2.flip(view, 1), dtype=np.uint8) if mirrored else view
        landmarks, presence, world, heatmaps, *layers = self._run(
            self._landmarks, shown, scale=1 / 255, n_outputs=None if outlined else _N_VECTORS
        )
        outputs = Outputs(
            landmarks=landmarks.astype(np.float64),
            presence=float(presence[0]),
            world=world.astype(np.float64),
            heatmaps=heatmaps,
        )
        placement = place_view(region, mirrored=mirrored)
        read = read_outputs(outputs, placement, angle_rad=region.angle_rad, mirrored=mirrored)
        if not outlined:
            return read
        return replace(read, outline_px=outline_of(self._silhouette(layers), read.points_px, placement))

    def warm_up(self) -> None:
        """Run everything once, so that the first video does not pay for it."""
        blank = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)
        middle = Region(x_px=INPUT_SIZE / 2, y_px=INPUT_SIZE / 2, size_px=INPUT_SIZE, angle_rad=0.0)
        self._run(self._detector, blank[:DETECTOR_SIZE, :DETECTOR_SIZE], scale=1.0)
        for _ in range(self._landmarks.n_copies):
            self.read_view(blank, middle, frame=0, mirrored=False, outlined=True)
        self._runs, self._network_s = 0, 0.0

    def _silhouette(self, layers: Vectors) -> NDArray[np.float32]:
        """Return the logits of the legs' silhouette; part of the run that left the layers, and not counted again."""
        rows, columns = slice(*LEGS_ROWS), slice(*LEGS_COLUMNS)
        twice = tuple(slice(2 * part.start, 2 * part.stop) for part in (rows, columns))
        large, small = layers
        [logits], took_s = self._silhouettes.continued([large[twice], small[rows, columns]])
        with self._lock:
            self._network_s += took_s
        return logits[..., 0]

    def _run(
        self,
        network: _Network,
        picture: Picture,
        *,
        scale: float,
        shift: float = 0.0,
        n_outputs: int | None = None,
    ) -> Vectors:
        """Evaluate a network and count it."""
        outputs, took_s = network.run(picture, scale=scale, shift=shift, n_outputs=n_outputs)
        with self._lock:
            self._runs += 1
            self._network_s += took_s
        return outputs
