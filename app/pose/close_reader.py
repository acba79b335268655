"""Reading one person closely, frame by frame, on every core that may be used.

Views of the person, 256 pixels square as the network sees them, are kept from the first decoding as long as they
fit; only frames whose view was not kept are decoded again.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import cv2
import numpy as np

from app.pose.estimator import FrameLike, Picture, PoseEstimator, Region, VideoLike, View
from app.pose.landmarks import CLOSER_CUT_PX, closer, place_view
from app.pose.network import INPUT_SIZE

_MAX_VIEWS = 1000
"""Views kept: 200 MB, four seconds at 240 frames a second."""
_SAME_REGION = 0.002
"""A kept view serves a region that differs by no more than this share of its size."""
_IN_FLIGHT = 3
"""Frames handed to each thread ahead of time, so that none waits and few pictures are held."""
T = TypeVar("T")


class Crew:
    """Threads that read; with one thread the work is done at once by whoever asks."""

    def __init__(self, n_threads: int) -> None:
        """Start no thread before there is work."""
        self.n_threads = n_threads
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="pose") if n_threads > 1 else None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have something done."""
        if self._pool is not None:
            return self._pool.submit(work)
        done: Future[T] = Future()
        done.set_result(work())
        return done

    def results(self, works: Iterable[Callable[[], T]]) -> Iterator[T]:
        """Yield what each work returns, in order, with few of them under way."""
        under_way: deque[Future[T]] = deque()
        for work in works:
            under_way.append(self.submit(work))
            if len(under_way) >= _IN_FLIGHT * self.n_threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def close(self) -> None:
        """Wait for what is under way and end the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class ViewStore:
    """Views of people in frames that were decoded, until there is no room."""

    def __init__(self) -> None:
        """Begin empty."""
        self._views: dict[int, list[tuple[Region, Picture]]] = {}
        self._n_kept = 0
        self._lock = threading.Lock()

    @property
    def is_full(self) -> bool:
        """Whether another view would not be kept."""
        return self._n_kept >= _MAX_VIEWS

    def keep(self, frame: FrameLike, region: Region) -> None:
        """Keep the view of a region of a frame."""
        if self.is_full:
            return
        view = view_of(frame, region)
        with self._lock:
            self._n_kept += 1
            self._views.setdefault(frame.index, []).append((region, view))

    def has(self, frame: int) -> bool:
        """Return whether any view of a frame was kept."""
        return frame in self._views

    def find(self, frame: int, region: Region) -> Picture | None:
        """Return the view of (almost) this region, None when it was not kept."""
        for kept, view in self._views.get(frame, ()):
            apart = np.hypot(kept.x_px - region.x_px, kept.y_px - region.y_px)
            if max(apart, abs(kept.size_px - region.size_px)) <= _SAME_REGION * region.size_px:
                return view
        return None


class CloseReader:
    """Reads the person who is where `region_of` says, frame by frame.

    A reading with a mirrored view shows the person at two sizes: one view as wide as a look's, the other closer,
    and which of the two is the mirrored one changes from frame to frame. What a network makes of a joint depends on
    the size it is shown and on the side it is on; over the frames that a smooth path rests on both cancel.
    Where neighbours are read it is the frame's place in the video that decides, so that a frame is read alike
    whatever else of the video is read.
    """

    def __init__(
        self,
        video: VideoLike,
        estimator: PoseEstimator,
        *,
        region_of: Callable[[int], Region],
        store: ViewStore,
        crew: Crew,
    ) -> None:
        """Keep what is needed."""
        self._video = video
        self._estimator = estimator
        self._region_of = region_of
        self._store = store
        self._crew = crew
        self._plain: dict[int, View] = {}

    def read(
        self, frames: Collection[int], *, mirrored: Collection[int]
    ) -> Iterator[tuple[int, Region, list[View]]]:
        """Yield frame, region and views (plain, and for some frames mirrored) of each frame that can be had."""

        def works() -> Iterator[Callable[[], tuple[int, Region, list[View]]]]:
            plain_closer = self._plain_closer(mirrored)
            outlined = _outlined(mirrored)
            for frame, region, view in self._views(frames):
                if frame in mirrored:
                    yield partial(
                        self._read_both,
                        frame,
                        region,
                        view,
                        is_closer=frame in plain_closer,
                        outlined=frame in outlined,
                    )
                else:
                    yield partial(self._read_plain, frame, region, view)

        yield from self._crew.results(works())

    def _plain_closer(self, mirrored: Collection[int]) -> set[int]:
        """Return the frames whose plain view is the closer one: every other one."""
        closer_frames: set[int] = set()
        was_closer = True
        for frame in sorted(mirrored):
            if frame - 1 in mirrored or frame + 1 in mirrored:
                was_closer = frame % 2 == 1
            else:  # a wide plain view that was read already need not be read again
                was_closer = not was_closer and frame not in self._plain
            if was_closer:
                closer_frames.add(frame)
        return closer_frames

    def _views(self, frames: Collection[int]) -> Iterator[tuple[int, Region, Picture]]:
        """Yield the views that were kept, then those of the frames that must be decoded again."""
        missing = set()
        for frame in sorted(frames):
            region = self._region_of(frame)
            view = self._store.find(frame, region)
            if view is None:
                missing.add(frame)
            else:
                yield frame, region, view
        if missing:
            for decoded in self._video.frames(missing):
                region = self._region_of(decoded.index)
                yield decoded.index, region, view_of(decoded, region)

    def _read_plain(self, frame: int, region: Region, view: Picture) -> tuple[int, Region, list[View]]:
        """Read the view as it is, once."""
        plain = self._plain.get(frame)
        if plain is None:
            plain = self._estimator.read_view(view, region, frame=frame, mirrored=False)
            self._plain[frame] = plain
        return frame, region, [plain]

    def _read_both(
        self, frame: int, region: Region, view: Picture, *, is_closer: bool, outlined: bool
    ) -> tuple[int, Region, list[View]]:
        """Read a plain and a mirrored view, the plain one closer or the mirrored one; both with their outline or none."""
        near, wide = (closer_view(view), closer(region)), (view, region)
        if is_closer or outlined:
            plain = self._estimator.read_view(
                *(near if is_closer else wide), frame=frame, mirrored=False, outlined=outlined
            )
        else:
            [plain] = self._read_plain(frame, region, view)[2]
        reflected = self._estimator.read_view(
            *(wide if is_closer else near), frame=frame, mirrored=True, outlined=outlined
        )
        return frame, region, [plain, reflected]


def _outlined(mirrored: Collection[int]) -> set[int]:
    """Return the frames that are read with the outline of hips and legs: every third one.

    It takes a third of a network run and says what changes slowly: read in all frames, knees were no better [D]. It is
    read in both views, so that what the network makes of left and right cancels.
    """
    outlined: set[int] = set()
    n_apart = 0
    for frame in sorted(mirrored):
        if frame - 1 in mirrored or frame + 1 in mirrored:
            is_turn = frame % 3 == 0
        else:
            is_turn = n_apart % 3 == 0
            n_apart += 1
        if is_turn:
            outlined.add(frame)
    return outlined


def closer_view(view: Picture) -> Picture:
    """Return the view of the region that is closer round the same person, cut out of the view of the wide one."""
    inner = view[CLOSER_CUT_PX:, CLOSER_CUT_PX // 2 : INPUT_SIZE - CLOSER_CUT_PX // 2]
    return np.asarray(cv2.resize(inner, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_LINEAR))


def view_of(frame: FrameLike, region: Region) -> Picture:
    """Return the region as the network is shown it."""
    placement = place_view(region, mirrored=False)
    return frame.view(placement.matrix, placement.offset, size_px=INPUT_SIZE)
