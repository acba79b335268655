"""Which recordings of a screening day need somebody, because they have no athlete or a doubtful one."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.biomech.types import View
from app.domain.day_order import Clip, Day

_HABIT: Final = 0.7
"""Share of recordings next to one of the same athlete from which a station is taken to film one after the other."""


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


def find_doubts(day: Day) -> dict[UUID, Doubt]:
    """Return the recordings that need somebody, and why each; all of them are held open."""
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
    return doubts | dict.fromkeys(_find_others_in_visits(day) - doubts.keys(), Doubt.OUT_OF_ORDER)


def _find_others_in_visits(day: Day) -> set[UUID]:
    """Return recordings whose athlete is another than all the others' that were filmed without a pause around them."""
    found: set[UUID] = set()
    for lane in day.lanes:
        for visit in day.visits(lane) or ():
            said = Counter(clip.athlete_id for clip in visit if clip.athlete_id is not None)
            if len(said) == 2 and said.total() > 2 and min(said.values()) == 1:
                (odd, _) = said.most_common()[1]
                found |= {clip.id for clip in visit if clip.athlete_id == odd and not clip.is_settled}
    return found


def _support(day: Day, clip: Clip) -> int:
    """Return how many of the two neighbours show the same athlete."""
    return sum(near is not None and near[0].athlete_id == clip.athlete_id for near in day.neighbours(clip))


def _find_strays(day: Day, support: Mapping[UUID, int]) -> set[UUID]:
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


def _find_surplus(day: Day, support: Mapping[UUID, int], *, strays: Collection[UUID]) -> set[UUID]:
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
        is_one_visit = day.visit(clips[0]) == tuple(clips)
        has_been_asked = any(clip.is_settled for clip in clips) and not lacking[clips[0].view]
        if n_over > 0 and not is_one_visit and not has_been_asked:
            open_to_doubt = [clip for clip in clips if not clip.is_settled]
            key = _fit(day, support, lacking=lacking, strays=strays)
            surplus |= {clip.id for clip in sorted(open_to_doubt, key=key)[:n_over]}
    return surplus


def _fit(
    day: Day,
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
