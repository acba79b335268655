"""Whom a recording of a screening day may show: guesses from the order at the stations, each with its reasons.

A station films one athlete after the other, mostly all trials of one before the next. What is known of the recordings
before and after, of who still lacks trials, of bibs and of the order on the list is weighed for every recording that
has no athlete, or whose athlete is doubtful. Nothing is decided here: a person accepts a guess, or chooses otherwise.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.domain.day_doubts import Doubt, find_doubts
from app.domain.day_order import SAME_MOMENT_S, Clip, Day, Expected, split_words

MAX_GUESSES: Final = 3
_LIKELY_SCORE: Final = 4.0
"""From here on the first guess is worth accepting without looking at the video, if it leads."""
_LEAD: Final = 1.5
_CAMERA_NAMES: Final = re.compile(
    r"(?i)^(img|vid|video|mov|mvi|dsc|dscn|pxl|gopr|gx|trim|clip|capture|recording)\b|\d{4}"
)


class Reason(StrEnum):
    """What speaks for an athlete."""

    BIB = "bib"
    FILENAME = "filename"
    OTHER_CAMERA = "other_camera"
    NO_PAUSE = "no_pause"
    """The station pauses between two athletes, and did not pause between this and others of theirs."""
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
    """The first guess leads clearly and rests on a sign that one more slip does not upset."""


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
    day = Day(clips, expected=expected, n_trials=n_trials)
    doubts = find_doubts(day)
    day.hold_open(doubts)
    weighed = {clip_id: _weigh(day, day.clips[clip_id]) for clip_id in doubts}
    first = _share_out(day, weighed)
    found = [
        _open_clip(day, day.clips[clip_id], doubt, weighed[clip_id], first.get(clip_id))
        for clip_id, doubt in doubts.items()
    ]
    return tuple(sorted(found, key=lambda each: (each.clip.taken_at, each.clip.position)))


def guess_without_day(
    clips: Collection[Clip], *, expected: Sequence[Expected]
) -> dict[UUID, tuple[Guess, ...]]:
    """Return guesses about recordings without an athlete that belong to no day: by names, bibs and what came around them.

    `clips` hold those that came around them, too, in the same lane.
    """
    day = Day(clips, expected=expected, n_trials=0)
    guesses: dict[UUID, tuple[Guess, ...]] = {}
    for clip in clips:
        if clip.athlete_id is None:
            found: dict[UUID, _Evidence] = defaultdict(_Evidence)
            _weigh_names(day, clip, found)
            _weigh_neighbours(day, clip, found)
            people = {who: evidence for who, evidence in found.items() if who in day.expected}
            guesses[clip.id] = _open_clip(day, clip, Doubt.NOBODY, people, None).guesses
    return guesses


def _weigh(day: Day, clip: Clip) -> dict[UUID, _Evidence]:
    """Return what speaks for whom, of those who lack trials or are named by a bib or the file's name."""
    lacking = day.lacking(clip.view)
    found: dict[UUID, _Evidence] = defaultdict(_Evidence)
    _weigh_names(day, clip, found)
    _weigh_neighbours(day, clip, found)
    _weigh_visit(day, clip, found)
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


def _weigh_names(day: Day, clip: Clip, found: dict[UUID, _Evidence]) -> None:
    stem = clip.filename.rpartition(".")[0] or clip.filename
    tokens = set() if _CAMERA_NAMES.search(stem) else split_words(stem)
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


def _weigh_neighbours(day: Day, clip: Clip, found: dict[UUID, _Evidence]) -> None:
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


def _weigh_visit(day: Day, clip: Clip, found: dict[UUID, _Evidence]) -> None:
    """Weigh whom the station filmed without a pause around it; others who disagree among themselves say nothing."""
    who = _of_visit(day, clip)
    if who is not None:
        found[who].add(Reason.NO_PAUSE, 4.0)


def _of_visit(day: Day, clip: Clip) -> UUID | None:
    labels = {day.label(each) for each in day.visit(clip) or ()} - {None}
    return labels.pop() if len(labels) == 1 else None


def _weigh_run(day: Day, clip: Clip, lacking: Counter[UUID], found: dict[UUID, _Evidence]) -> None:
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


def _weigh_other_camera(day: Day, clip: Clip, found: dict[UUID, _Evidence]) -> None:
    """Weigh whom a camera beside this one filmed at the same moment."""
    for lane in day.beside(clip.lane):
        other, apart_s = day.nearest_in_time(clip, lane)
        label = day.label(other)
        if label is not None and apart_s < SAME_MOMENT_S:
            found[label].add(Reason.OTHER_CAMERA, 6.0 * (1.0 - apart_s / SAME_MOMENT_S))


def _share_out(day: Day, weighed: Mapping[UUID, Mapping[UUID, _Evidence]]) -> dict[UUID, UUID]:
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


def _is_sure(day: Day, clip: Clip, guess: Guess) -> bool:
    """Return whether a guess rests on a sign that one more slip nearby does not upset.

    A whole order that fits is none: two slips side by side can look like an order of their own.
    """
    reasons = set(guess.reasons)
    visit = day.visit(clip) or (clip,)
    if {each.athlete_id for each in visit if each.id != clip.id} - {None, guess.athlete_id}:
        return False
    if reasons & {Reason.BIB, Reason.FILENAME, Reason.BETWEEN, Reason.OTHER_CAMERA}:
        return True
    if clip.athlete_id is None and day.open == {clip.id} and day.lacking(clip.view).total() == 1:
        return Reason.ONLY_ONE_LACKING in reasons
    if Reason.NO_PAUSE in reasons:
        return day.owner(visit) == guess.athlete_id and all(map(day.owner, day.next_visits(clip)))
    is_alone = not any(each.id in day.open for each in day.around(clip, n=day.n_trials) if each is not clip)
    beside = reasons & {Reason.SAME_AS_BEFORE, Reason.SAME_AS_AFTER}
    return clip.athlete_id is None and is_alone and bool(beside)


def _open_clip(
    day: Day, clip: Clip, doubt: Doubt, people: Mapping[UUID, _Evidence], first: UUID | None
) -> OpenClip:
    ranked = sorted(people.items(), key=lambda item: (item[0] != first, -item[1].score))
    guesses = tuple(
        Guess(athlete_id=who, score=round(evidence.score, 2), reasons=tuple(evidence.reasons))
        for who, evidence in ranked[:MAX_GUESSES]
        if who == first or evidence.score >= 1.0
    )
    scores = [guess.score for guess in guesses]
    others = max(scores[1:], default=0.0)
    is_likely = (
        bool(scores)
        and first is not None
        and scores[0] >= _LIKELY_SCORE
        and scores[0] >= others + _LEAD
        and others < _LIKELY_SCORE
        and _is_sure(day, clip, guesses[0])
    )
    return OpenClip(clip=clip, doubt=doubt, guesses=guesses, is_likely=is_likely)
