"""The recordings of a screening day in the order each camera filmed them: neighbours, pauses, and who lacks trials."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Final
from uuid import UUID

from app.biomech.types import View

SAME_MOMENT_S: Final = 20.0
"""Two cameras that film the same trial are started within this time."""
_AGREE: Final = 0.7
"""Share of the same moments at which two cameras name the same athlete, from which they film the same trials."""
_MIN_GAPS: Final = 6
"""Fewer times between two recordings tell nothing about a station's pauses."""
_BREAK: Final = 1.25
"""So many times as long as the longest time within a visit is the shortest pause."""
_RARE: Final = 0.15
"""Share of the pauses that may seem to lie within a visit, or the other way round, as names are wrong at times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One recording of the day."""

    id: UUID
    lane: Hashable
    """Station and view: what one camera films, in order."""
    view: View
    taken_at: datetime
    position: int
    """Breaks ties of time: the order of arrival."""
    athlete_id: UUID | None
    counts: bool = True
    """Fills one of the athlete's trials; one that cannot be used does not."""
    bib: str | None = None
    """As somebody at the station typed it."""
    filename: str = ""
    is_settled: bool = False
    """A person looked at it and said whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Somebody who is to be filmed."""

    athlete_id: UUID
    name: str
    bib: str | None
    place: int
    """In the order of the list: by bib, then by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How a station's pauses between two athletes differ from those between two trials of one."""

    longest_within_s: float
    """Up to this long there is hardly ever a change of athlete."""
    shortest_between_s: float
    """From this long on there nearly always is one."""


class Day:
    """The recordings in their lanes, and who lacks how many trials of each view."""

    def __init__(self, clips: Collection[Clip], *, expected: Sequence[Expected], n_trials: int) -> None:
        self.clips = {clip.id: clip for clip in clips}
        self.expected = {each.athlete_id: each for each in expected}
        self.in_order = sorted(expected, key=lambda each: each.place)
        self.n_trials = n_trials
        ordered = sorted(clips, key=lambda clip: (str(clip.lane), clip.taken_at, clip.position))
        self.lanes = {lane: list(together) for lane, together in groupby(ordered, key=lambda clip: clip.lane)}
        self._at = {clip.id: at for lane in self.lanes.values() for at, clip in enumerate(lane)}
        self._times_s = {
            lane: [each.taken_at.timestamp() for each in row] for lane, row in self.lanes.items()
        }
        self.open: set[UUID] = set()
        self._visits: dict[Hashable, list[tuple[Clip, ...]] | None] = {}
        self._visit_at: dict[UUID, int] = {}
        self._beside: dict[Hashable, list[Hashable]] = {}
        self.views = {clip.view for clip in clips}
        self.words = {each.athlete_id: split_words(each.name) for each in expected}

    def hold_open(self, clip_ids: Collection[UUID]) -> None:
        """Believe these recordings' athletes no longer."""
        self.open = set(clip_ids)
        self._visits, self._visit_at, self._beside = {}, {}, {}

    def label(self, clip: Clip) -> UUID | None:
        """Return whom a recording shows, if that is believed."""
        return None if clip.id in self.open else clip.athlete_id

    def lacking(self, view: View) -> Counter[UUID]:
        """Return how many trials each expected athlete lacks from a view; those who lack none are not in it."""
        filmed = Counter(
            label
            for clip in self.clips.values()
            if clip.counts and clip.view is view and (label := self.label(clip)) is not None
        )
        return +Counter({each: self.n_trials - filmed[each] for each in self.expected})

    def neighbours(self, clip: Clip) -> tuple[tuple[Clip, int] | None, tuple[Clip, int] | None]:
        """Return the nearest believed recording before and after in the same lane, and how far each is."""
        lane = self.lanes[clip.lane]
        at = self._at[clip.id]
        return self._nearest(lane[:at][::-1]), self._nearest(lane[at + 1 :])

    def around(self, clip: Clip, *, n: int) -> list[Clip]:
        """Return a recording and up to `n` before and after it in its lane."""
        lane, at = self.lanes[clip.lane], self._at[clip.id]
        return lane[max(0, at - n) : at + n + 1]

    def nearest_in_time(self, clip: Clip, lane: Hashable) -> tuple[Clip, float]:
        """Return the recording of another lane that was taken at nearly the same time, and how far apart they are."""
        row = self.lanes[lane]
        after = bisect_left(self._times_s[lane], clip.taken_at.timestamp())
        nearest = min(row[max(0, after - 1) : after + 1], key=lambda each: _gap_s(each, clip))
        return nearest, _gap_s(nearest, clip)

    def beside(self, lane: Hashable) -> list[Hashable]:
        """Return the lanes of other views that film the same trials, as those show that both have a name for."""
        if lane not in self._beside:
            view = self.lanes[lane][0].view
            others = [each for each, clips in self.lanes.items() if clips[0].view is not view]
            agree = {each: self._share_agreeing(lane, each) for each in others}
            found = [each for each, share in agree.items() if share is not None and share >= _AGREE]
            is_only_one = len(others) == 1 and agree[others[0]] is None
            self._beside[lane] = others if is_only_one else found
        return self._beside[lane]

    def _share_agreeing(self, lane: Hashable, other: Hashable) -> float | None:
        pairs = []
        for clip in self.lanes[lane]:
            nearest, apart_s = self.nearest_in_time(clip, other)
            labels = self.label(clip), self.label(nearest)
            if None not in labels and apart_s < SAME_MOMENT_S:
                pairs.append(labels[0] == labels[1])
        return sum(pairs) / len(pairs) if pairs else None

    def visit(self, clip: Clip) -> tuple[Clip, ...] | None:
        """Return what was filmed without a pause around a recording, itself included; None where pauses do not tell."""
        visits = self.visits(clip.lane)
        return None if visits is None else visits[self._visit_at[clip.id]]

    def visits(self, lane: Hashable) -> list[tuple[Clip, ...]] | None:
        """Return what a lane filmed, parted at its pauses; None where pauses do not tell."""
        if lane not in self._visits:
            clips = self.lanes[lane]
            pauses = self._find_pauses(clips)
            self._visits[lane] = None if pauses is None else _part(clips, pauses)
            for at, visit in enumerate(self._visits[lane] or ()):
                self._visit_at |= {each.id: at for each in visit}
        return self._visits[lane]

    def next_visits(self, clip: Clip) -> list[tuple[Clip, ...]]:
        """Return the visits before and after the one of a recording."""
        visits, at = self.visits(clip.lane) or [], self._visit_at[clip.id]
        return [visits[each] for each in (at - 1, at + 1) if 0 <= each < len(visits)]

    def owner(self, visit: Collection[Clip]) -> UUID | None:
        """Return the one athlete who is named in a visit, and at no other of this lane."""
        labels = {self.label(each) for each in visit} - {None}
        if len(labels) != 1:
            return None
        (who,) = labels
        lane = self.lanes[next(iter(visit)).lane]
        n_here = sum(self.label(each) == who for each in visit)
        return who if sum(self.label(each) == who for each in lane) == n_here else None

    def _find_pauses(self, lane: Sequence[Clip]) -> Pauses | None:
        """Learn from what is believed how long a station pauses; None where the two kinds are alike.

        The limits are a break in the lengths that are there: nothing lies between them.
        """
        gaps_s = sorted(_gap_s(*pair) for pair in pairwise(lane))
        told = [
            (_gap_s(one, other), self.label(one) != self.label(other))
            for one, other in pairwise(lane)
            if self.label(one) is not None and self.label(other) is not None
        ]
        n_between = sum(is_between for _, is_between in told)
        if min(n_between, len(told) - n_between) < _MIN_GAPS:
            return None
        breaks = [
            (sum((gap_s > shorter) != is_between for gap_s, is_between in told), shorter, longer)
            for shorter, longer in pairwise(gaps_s)
            if longer >= _BREAK * shorter
        ]
        n_against, shorter, longer = min(breaks, default=(len(told), 0.0, 0.0))
        if n_against > _RARE * min(n_between, len(told) - n_between):
            return None
        return Pauses(longest_within_s=shorter, shortest_between_s=longer)

    def _nearest(self, row: Sequence[Clip]) -> tuple[Clip, int] | None:
        return next(
            ((each, index) for index, each in enumerate(row, start=1) if self.label(each) is not None), None
        )


def _part(clips: Sequence[Clip], pauses: Pauses) -> list[tuple[Clip, ...]]:
    visits = [[clips[0]]]
    for one, other in pairwise(clips):
        if _gap_s(one, other) >= pauses.shortest_between_s:
            visits.append([])
        visits[-1].append(other)
    return [tuple(visit) for visit in visits]


def _gap_s(one: Clip, other: Clip) -> float:
    return abs((other.taken_at - one.taken_at).total_seconds())


def split_words(text: str) -> set[str]:
    """Return the words and numbers of a name, without regard to case."""
    return set(re.findall(r"[^\W_]+", text.casefold()))
