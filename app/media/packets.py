"""What a file's list of packets tells before anything is decoded: every frame's time, and what can be left out.

A video is stored in groups: a key picture that stands for itself, then changes to it. A group can be left out as a
whole, and a group need only be decoded up to the last frame that is wanted.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_BUSY_RATIO = 2.0
"""A group with more bytes per frame than this many times the usual group's shows much movement [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameGroup:
    """A key picture and the frames stored as changes to it."""

    key: int
    """Its frame, the first of the group but for some shown just before it."""
    frames: NDArray[np.int64]
    """All frames of the group, in order."""
    n_bytes: NDArray[np.int64]
    """What each of them takes in the file."""
    usual_bytes: float
    """What a change takes in the usual group of the file."""
    is_busy: bool
    """Its changes take so many bytes that something moves."""

    def is_busy_after(self, frame: int) -> bool:
        """Return whether the changes after a frame take so many bytes that something moves."""
        later = self.n_bytes[self.frames > frame]
        return bool(later.size) and float(later.mean()) > _BUSY_RATIO * self.usual_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketSeen:
    """One packet of the video stream, in the order stored."""

    pts: int | None
    """When it is shown, in ticks; None when the file does not say, or leaves it out of what is shown."""
    n_bytes: int
    is_key: bool


@dataclass(frozen=True)
class PacketTable:
    """The packets of a file."""

    packets: tuple[PacketSeen, ...]
    tick_s: float

    @cached_property
    def time_s(self) -> NDArray[np.float64]:
        """(T,) when each frame is shown, strictly increasing."""
        return np.array(sorted(self.frame_of), dtype=np.float64) * self.tick_s

    @cached_property
    def frame_of(self) -> dict[int, int]:
        """Index of the frame shown at a tick."""
        ticks = {packet.pts for packet in self.packets if packet.pts is not None}
        return {tick: frame for frame, tick in enumerate(sorted(ticks))}

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        """(packets,) the frame of each packet, -1 when it is not shown."""
        return np.array(
            [-1 if packet.pts is None else self.frame_of[packet.pts] for packet in self.packets],
            dtype=np.int64,
        )

    @cached_property
    def key_bytes(self) -> float:
        """What the usual picture that is stored by itself takes; 0 when none is."""
        sizes = [packet.n_bytes for packet in self.packets if packet.is_key]
        return float(np.median(sizes)) if sizes else 0.0

    @cached_property
    def are_stored_as_shown(self) -> bool:
        """Whether every frame is stored after those that are shown before it."""
        return bool((np.diff(self.frames[self.frames >= 0]) > 0).all())

    @cached_property
    def _groups(self) -> list[slice]:
        """Packets from each key picture to the next."""
        starts = [n for n, packet in enumerate(self.packets) if packet.is_key] or [0]
        starts[0] = 0
        return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(self.packets)], strict=True)]

    def packets_for(self, wanted: Collection[int]) -> NDArray[np.bool_]:
        """Return which packets must be decoded so that all wanted frames come out, (packets,)."""
        shown = np.zeros(
            len(self.time_s) + 1, dtype=np.bool_
        )  # the last entry is for packets that show nothing
        shown[np.fromiter(wanted, dtype=np.int64, count=len(wanted))] = True
        needed = np.zeros(len(self.packets), dtype=np.bool_)
        for group in self._groups:
            asked = np.flatnonzero(shown[self.frames[group]])
            if asked.size:
                needed[group.start : group.start + int(asked[-1]) + 1] = True
        return needed

    def are_keys(self, needed: NDArray[np.bool_]) -> bool:
        """Return whether all of these packets hold key pictures."""
        return all(self.packets[n].is_key for n in np.flatnonzero(needed))

    def groups(self) -> list[FrameGroup]:
        """Return the groups in the order shown; frames that are not shown belong to none."""
        change = [_mean_bytes(self.packets[group][1:]) for group in self._groups]
        usual = float(np.median(change))
        found = []
        for group, n_bytes in zip(self._groups, change, strict=True):
            stored = self.frames[group]
            order = np.argsort(stored)[np.count_nonzero(stored < 0) :]
            if order.size and stored[0] >= 0:
                sizes = np.array([packet.n_bytes for packet in self.packets[group]], dtype=np.int64)
                found.append(
                    FrameGroup(
                        key=int(stored[0]),
                        frames=stored[order],
                        n_bytes=sizes[order],
                        usual_bytes=usual,
                        is_busy=n_bytes > _BUSY_RATIO * usual,
                    )
                )
        return sorted(found, key=lambda group: group.key)


def _mean_bytes(packets: Iterable[PacketSeen]) -> float:
    sizes = [packet.n_bytes for packet in packets]
    return sum(sizes) / len(sizes) if sizes else 0.0
