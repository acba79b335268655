"""Whom a recording of a screening day may show: guesses from the order at the stations, each with its reasons.

A station films one athlete after the other, mostly all trials of one before the next. What is known of the recordings
before and after, of who still lacks trials, of bibs and of the order on the list is weighed for every recording that
has no athlete, or whose athlete is doubtful. Nothing is decided here: a person accepts a guess, or chooses otherwise.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Final
from uuid import UUID

from app.biomech.types import View

MAX_GUESSES: Final = 3
_LIKELY_SCORE: Final = 4.0
"""From here on the first guess is worth accepting without looking at the video, if it leads."""
_LEAD: Final = 1.5
_SAME_MOMENT_S: Final = 20.0
"""Two cameras that film the same trial are started within this time."""
_HABIT: Final = 0.7
"""Share of recordings next to one of the same athlete from which a station is taken to film one after the other."""
_CAMERA_NAMES: Final = re.compile(
    r"(?i)^(img|vid|video|mov|mvi|dsc|dscn|pxl|gopr|gx|trim|clip|capture|recording)\b|\d{4}"
)


class Doubt(StrEnum):
    """Why a recording needs somebody."""

    NOBODY = "nobody"
    """It has no athlete yet."""
    NOT_EXPECTED = "not_expected"
    """Its athlete is not of this day's team."""
    SURPLUS = "surplus"
    """Its athlete has more trials than the protocol asks for, and this is the one that fits least."""
    OUT_OF_ORDER = "out_of_order"
    """It lies among another athlete's, who lacks one."""


class Reason(StrEnum):
    """What speaks for an athlete."""

    BIB = "bib"
    FILENAME = "filename"
    OTHER_CAMERA = "other_camera"
    BETWEEN = "between"
    SAME_AS_BEFORE = "same_as_before"
    SAME_AS_AFTER = "same_as_after"
    NEXT_IN_ORDER = "next_in_order"
    FITS = "fits"
    """As many recordings lie here as trials are lacking."""
    SAID = "said"
    """The station said so."""
    ONLY_ONE_LACKING = "only_one_lacking"
    LACKS_TRIALS = "lacks_trials"


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
class Guess:
    """Somebody a recording may show, and what speaks for it."""

    athlete_id: UUID
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClip:
    """A recording that needs somebody, with the best guesses first."""

    clip: Clip
    doubt: Doubt
    guesses: tuple[Guess, ...]
    is_likely: bool
    """The first guess leads clearly."""


@dataclass(slots=True)
class _Evidence:
    score: float = 0.0
    reasons: list[Reason] = field(default_factory=list)

    def add(self, reason: Reason, score: float) -> None:
        self.score += score
        if reason not in self.reasons:
            self.reasons.append(reason)


def guess_athletes(
    clips: Collection[Clip], *, expected: Sequence[Expected], n_trials: int
) -> tuple[OpenClip, ...]:
    """Return the recordings of a day that need somebody, in the order they were taken."""
    day = _Day(clips, expected=expected, n_trials=n_trials)
    doubts = _find_doubts(day)
    day.hold_open(doubts)
    weighed = {clip_id: _weigh(day, day.clips[clip_id]) for clip_id in doubts}
    first = _share_out(day, weighed)
    found = [
        _open_clip(day.clips[clip_id], doubt, weighed[clip_id], first.get(clip_id))
        for clip_id, doubt in doubts.items()
    ]
    return tuple(sorted(found, key=lambda each: (each.clip.taken_at, each.clip.position)))


def guess_without_day(
    clips: Collection[Clip], *, expected: Sequence[Expected]
) -> dict[UUID, tuple[Guess, ...]]:
    """Return guesses about recordings without an athlete that belong to no day: by names, bibs and what came around them.

    `clips` hold those that came around them, too, in the same lane.
    """
    day = _Day(clips, expected=expected, n_trials=0)
    guesses: dict[UUID, tuple[Guess, ...]] = {}
    for clip in clips:
        if clip.athlete_id is None:
            found: dict[UUID, _Evidence] = defaultdict(_Evidence)
            _weigh_names(day, clip, found)
            _weigh_neighbours(day, clip, found)
            people = {who: evidence for who, evidence in found.items() if who in day.expected}
            guesses[clip.id] = _open_clip(clip, Doubt.NOBODY, people, None).guesses
    return guesses


class _Day:
    """The recordings in their lanes, and who lacks how many trials of each view."""

    def __init__(self, clips: Collection[Clip], *, expected: Sequence[Expected], n_trials: int) -> None:
        self.clips = {clip.id: clip for clip in clips}
        self.expected = {each.athlete_id: each for each in expected}
        self.in_order = sorted(expected, key=lambda each: each.place)
        self.n_trials = n_trials
        ordered = sorted(clips, key=lambda clip: (str(clip.lane), clip.taken_at, clip.position))
        self.lanes = {lane: list(together) for lane, together in groupby(ordered, key=lambda clip: clip.lane)}
        self.open: set[UUID] = set()
        self.views = {clip.view for clip in clips}
        self.words = {each.athlete_id: _words(each.name) for each in expected}

    def hold_open(self, clip_ids: Collection[UUID]) -> None:
        """Believe these recordings' athletes no longer."""
        self.open = set(clip_ids)

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
        at = next(index for index, each in enumerate(lane) if each.id == clip.id)
        return self._nearest(lane[:at][::-1]), self._nearest(lane[at + 1 :])

    def _nearest(self, row: Sequence[Clip]) -> tuple[Clip, int] | None:
        return next(
            ((each, index) for index, each in enumerate(row, start=1) if self.label(each) is not None), None
        )


def _find_doubts(day: _Day) -> dict[UUID, Doubt]:
    doubts = {clip.id: Doubt.NOBODY for clip in day.clips.values() if clip.athlete_id is None}
    for clip in day.clips.values():
        if clip.athlete_id is not None and clip.athlete_id not in day.expected and not clip.is_settled:
            doubts[clip.id] = Doubt.NOT_EXPECTED
    day.hold_open(doubts)
    support = {clip.id: _support(day, clip) for clip in day.clips.values() if day.label(clip) is not None}
    strays = _find_strays(day, support)
    surplus = _find_surplus(day, support, strays=strays)
    day.hold_open({*doubts, *strays, *surplus})
    lacking = {view: day.lacking(view) for view in day.views}
    doubts |= dict.fromkeys(surplus, Doubt.SURPLUS)
    for clip_id in strays - surplus:
        clip = day.clips[clip_id]
        around = {label for near in day.neighbours(clip) if near and (label := day.label(near[0]))}
        if any(lacking[clip.view][each] for each in around - {clip.athlete_id}):
            doubts[clip_id] = Doubt.OUT_OF_ORDER
    return doubts


def _support(day: _Day, clip: Clip) -> int:
    """Return how many of the two neighbours show the same athlete."""
    return sum(near is not None and near[0].athlete_id == clip.athlete_id for near in day.neighbours(clip))


def _find_strays(day: _Day, support: Mapping[UUID, int]) -> set[UUID]:
    """Return recordings that stand alone at stations that film one athlete after the other."""
    strays: set[UUID] = set()
    for lane in day.lanes.values():
        believed = [clip for clip in lane if clip.id in support]
        filmed = Counter(clip.athlete_id for clip in believed)
        several = [clip for clip in believed if filmed[clip.athlete_id] > 1]
        if several and sum(support[clip.id] > 0 for clip in several) >= _HABIT * len(several):
            elsewhere = Counter(clip.athlete_id for clip in day.clips.values() if clip.view is lane[0].view)
            strays |= {
                clip.id
                for clip in believed
                if not support[clip.id] and elsewhere[clip.athlete_id] > 1 and not clip.is_settled
            }
    return strays


def _find_surplus(day: _Day, support: Mapping[UUID, int], *, strays: Collection[UUID]) -> set[UUID]:
    """Return of everybody with too many trials as many as are too many, those that fit least first."""
    by_athlete: dict[tuple[UUID, View], list[Clip]] = defaultdict(list)
    for clip_id in support:
        clip = day.clips[clip_id]
        if clip.counts and clip.athlete_id is not None:
            by_athlete[clip.athlete_id, clip.view].append(clip)
    surplus: set[UUID] = set()
    lacking = {view: day.lacking(view) for view in day.views}
    for clips in by_athlete.values():
        n_over = len(clips) - day.n_trials
        if n_over > 0:
            open_to_doubt = [clip for clip in clips if not clip.is_settled]
            by_fit = sorted(open_to_doubt, key=_fit(day, support, lacking=lacking, strays=strays))
            surplus |= {clip.id for clip in by_fit[:n_over]}
    return surplus


def _fit(
    day: _Day,
    support: Mapping[UUID, int],
    *,
    lacking: Mapping[View, Counter[UUID]],
    strays: Collection[UUID],
) -> Callable[[Clip], tuple[bool, int, int, float]]:
    """Return the key that sorts an athlete's recordings: strays first, then those beside somebody who lacks trials."""

    def key(clip: Clip) -> tuple[bool, int, int, float]:
        beside = [near[0].athlete_id for near in day.neighbours(clip) if near is not None]
        n_lacked = sum(lacking[clip.view][each] for each in beside if each and each != clip.athlete_id)
        return clip.id not in strays, support[clip.id], -n_lacked, -clip.taken_at.timestamp()

    return key


def _weigh(day: _Day, clip: Clip) -> dict[UUID, _Evidence]:
    """Return what speaks for whom, of those who lack trials or are named by a bib or the file's name."""
    lacking = day.lacking(clip.view)
    found: dict[UUID, _Evidence] = defaultdict(_Evidence)
    _weigh_names(day, clip, found)
    _weigh_neighbours(day, clip, found)
    _weigh_run(day, clip, lacking, found)
    _weigh_other_camera(day, clip, found)
    if clip.athlete_id is not None:
        found[clip.athlete_id].add(Reason.SAID, 1.0)
    named = {who for who, why in found.items() if {Reason.BIB, Reason.FILENAME} & set(why.reasons)}
    for who, n_lacking in lacking.items():
        found[who].add(
            Reason.ONLY_ONE_LACKING if len(lacking) == 1 else Reason.LACKS_TRIALS,
            3.0 if len(lacking) == 1 else 0.5 * n_lacking / day.n_trials,
        )
    return {
        who: evidence
        for who, evidence in found.items()
        if who in day.expected and (who in lacking or who in named or not clip.counts)
    }


def _weigh_names(day: _Day, clip: Clip, found: dict[UUID, _Evidence]) -> None:
    stem = clip.filename.rpartition(".")[0] or clip.filename
    tokens = set() if _CAMERA_NAMES.search(stem) else _words(stem)
    if not tokens and clip.bib is None:
        return
    named = {each for each, words in day.words.items() if words and words <= tokens}
    for who in day.in_order:
        bib = None if who.bib is None else who.bib.casefold()
        if bib is not None and clip.bib is not None and bib == clip.bib.casefold():
            found[who.athlete_id].add(Reason.BIB, 12.0)
        elif who.athlete_id in named:
            found[who.athlete_id].add(Reason.FILENAME, 6.0)
        elif bib in tokens and not named:
            found[who.athlete_id].add(Reason.FILENAME, 4.0)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def _weigh_neighbours(day: _Day, clip: Clip, found: dict[UUID, _Evidence]) -> None:
    before, after = day.neighbours(clip)
    sides = ((before, Reason.SAME_AS_BEFORE), (after, Reason.SAME_AS_AFTER))
    gaps_s = [
        None if near is None else abs((near[0].taken_at - clip.taken_at).total_seconds()) for near, _ in sides
    ]
    if before and after and before[0].athlete_id == after[0].athlete_id and before[0].athlete_id:
        found[before[0].athlete_id].add(Reason.BETWEEN, 6.0)
        return
    for (near, reason), gap_s, other_s in zip(sides, gaps_s, reversed(gaps_s), strict=True):
        if near is None or near[0].athlete_id is None or gap_s is None:
            continue
        closer = 0.5 if other_s is None or gap_s + other_s == 0 else other_s / (gap_s + other_s)
        found[near[0].athlete_id].add(reason, 3.0 / near[1] + closer)


def _weigh_run(day: _Day, clip: Clip, lacking: Counter[UUID], found: dict[UUID, _Evidence]) -> None:
    """Weigh whose turn it was: of a run of open recordings, the athletes between its two ends who lack trials."""
    before, after = day.neighbours(clip)
    start = None if before is None else day.expected.get(before[0].athlete_id)  # type: ignore[arg-type]  # None finds none
    end = None if after is None else day.expected.get(after[0].athlete_id)  # type: ignore[arg-type]  # None finds none
    low = -1 if start is None else start.place
    high = len(day.in_order) if end is None else end.place
    between = [
        each.athlete_id for each in day.in_order if low < each.place < high and lacking[each.athlete_id]
    ]
    for rank, who in enumerate(between):
        found[who].add(Reason.NEXT_IN_ORDER, 2.0 / (1 + rank))
    at = before[1] - 1 if before else day.lanes[clip.lane].index(clip)
    length = at + (after[1] if after else len(day.lanes[clip.lane]) - day.lanes[clip.lane].index(clip))
    in_turn = [start.athlete_id] if start else []
    in_turn += between
    if end and end is not start:
        in_turn.append(end.athlete_id)
    places = [who for who in in_turn for _ in range(lacking[who])]
    if len(places) == length or (after is None and at < len(places)):
        found[places[at]].add(Reason.FITS, 3.0 if len(places) == length else 1.0)


def _weigh_other_camera(day: _Day, clip: Clip, found: dict[UUID, _Evidence]) -> None:
    for other in day.clips.values():
        label = day.label(other)
        apart_s = abs((other.taken_at - clip.taken_at).total_seconds())
        if other.view is not clip.view and label is not None and apart_s < _SAME_MOMENT_S:
            found[label].add(Reason.OTHER_CAMERA, 6.0 * (1.0 - apart_s / _SAME_MOMENT_S))


def _share_out(day: _Day, weighed: Mapping[UUID, Mapping[UUID, _Evidence]]) -> dict[UUID, UUID]:
    """Return each recording's athlete such that nobody gets more trials than they lack, the surest first."""
    room = {view: day.lacking(view) for view in day.views}
    offers = sorted(
        (
            (evidence.score, clip_id, who)
            for clip_id, people in weighed.items()
            for who, evidence in people.items()
        ),
        key=lambda offer: (-offer[0], day.clips[offer[1]].taken_at, day.expected[offer[2]].place),
    )
    given: dict[UUID, UUID] = {}
    for _, clip_id, who in offers:
        clip = day.clips[clip_id]
        if clip_id in given or (clip.counts and room[clip.view][who] <= 0):
            continue
        given[clip_id] = who
        if clip.counts:
            room[clip.view][who] -= 1
    return given


def _open_clip(clip: Clip, doubt: Doubt, people: Mapping[UUID, _Evidence], first: UUID | None) -> OpenClip:
    ranked = sorted(people.items(), key=lambda item: (item[0] != first, -item[1].score))
    guesses = tuple(
        Guess(athlete_id=who, score=round(evidence.score, 2), reasons=tuple(evidence.reasons))
        for who, evidence in ranked[:MAX_GUESSES]
        if who == first or evidence.score >= 1.0
    )
    scores = [guess.score for guess in guesses]
    others = max(scores[1:], default=0.0)
    is_likely = (
        bool(scores) and first is not None and scores[0] >= _LIKELY_SCORE and scores[0] >= others + _LEAD
    )
    return OpenClip(clip=clip, doubt=doubt, guesses=guesses, is_likely=is_likely)
