"""Guesses about the recordings of a screening day: what the order at a station tells, and what it does not."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from app.biomech.types import View
from app.domain.day_doubts import Doubt
from app.domain.day_guesses import OpenClip, Reason, guess_athletes, guess_without_day
from app.domain.day_order import Clip, Expected
from app.domain.guess_words import DOUBT_WORDS, REASON_WORDS

TEAM = [
    Expected(athlete_id=uuid4(), name=f"Athlete No{number}", bib=str(number), place=number)
    for number in range(8)
]
START = datetime(2026, 3, 14, 9, tzinfo=UTC)


def film(labels: str, *, lane: str = "one", view: View = View.FRONTAL, start: datetime = START) -> list[Clip]:
    """Return what a station filmed, a letter each: the place of the athlete it named, ``?`` for nobody."""
    return [
        Clip(
            id=uuid4(),
            lane=lane,
            view=view,
            taken_at=start + timedelta(seconds=30 * index),
            position=index,
            athlete_id=None if label == "?" else TEAM[int(label)].athlete_id,
        )
        for index, label in enumerate(labels.replace(" ", ""))
    ]


def guess(clips: Sequence[Clip], *, n_trials: int = 3) -> tuple[OpenClip, ...]:
    return guess_athletes(clips, expected=TEAM, n_trials=n_trials)


def told(clips: Sequence[Clip], opened: Sequence[OpenClip]) -> dict[int, tuple[Doubt, str]]:
    """Return for each that is open, by its place in the row, why and whom the first guess names."""
    places = {person.athlete_id: str(person.place) for person in TEAM}
    index = {clip.id: number for number, clip in enumerate(clips)}
    return {
        index[each.clip.id]: (each.doubt, places[each.guesses[0].athlete_id] if each.guesses else "?")
        for each in opened
    }


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("000 111 222", {}),
        ("000 1?1 222", {4: (Doubt.NOBODY, "1")}),
        ("000 ?11 222", {3: (Doubt.NOBODY, "1")}),
        ("00? 111 222", {2: (Doubt.NOBODY, "0")}),
        ("000 ??? 222", dict.fromkeys((3, 4, 5), (Doubt.NOBODY, "1"))),
        ("000 0 11 222", {3: (Doubt.SURPLUS, "1")}),
        ("000 111 2 5 2 333 444 555", {7: (Doubt.SURPLUS, "2")}),
        ("00 5 111 222 333 444 55 0 666", {2: (Doubt.OUT_OF_ORDER, "0"), 17: (Doubt.OUT_OF_ORDER, "5")}),
    ],
    ids=[
        "all named",
        "unnamed among one's own",
        "first",
        "last",
        "a whole athlete",
        "forgot to go on",
        "slip of the finger",
        "two taken for each other",
    ],
)  # fmt: skip
def test_guess_when_a_station_films_one_after_the_other_then_as_the_order_says(labels, expected):
    clips = film(labels)
    assert told(clips, guess(clips)) == expected


@pytest.mark.parametrize("labels", ["012 012 012", "00 111 222 0", "000 111 22", "0123456701234567"])
def test_guess_when_athletes_take_turns_or_come_again_then_nothing_is_doubted(labels):
    assert guess(film(labels)) == ()


def test_guess_when_nobody_of_the_team_is_named_then_doubted():
    stranger = replace(film("0")[0], athlete_id=uuid4(), taken_at=START + timedelta(minutes=9))
    clips = [*film("000 11"), stranger]
    assert told(clips, guess(clips)) == {5: (Doubt.NOT_EXPECTED, "1")}


def test_guess_when_a_bib_was_typed_then_it_leads_and_says_so():
    clips = film("000 1?1 222")
    clips[4] = replace(clips[4], bib="7")
    (opened,) = guess(clips)
    assert opened.guesses[0].athlete_id == TEAM[7].athlete_id
    assert Reason.BIB in opened.guesses[0].reasons


@pytest.mark.parametrize(
    ("filename", "place"),
    [("6_jump.mp4", 6), ("athlete-no6 2.mov", 6), ("IMG_0006.MOV", 1), ("VID_20260306.mp4", 1)],
)
def test_guess_when_the_file_is_named_then_believed_unless_a_camera_named_it(filename, place):
    clips = film("000 1?1 222")
    clips[4] = replace(clips[4], filename=filename)
    (opened,) = guess(clips)
    named = [each.athlete_id for each in opened.guesses if Reason.FILENAME in each.reasons]
    assert named == ([] if place == 1 else [TEAM[place].athlete_id])


def test_guess_when_another_camera_filmed_at_the_same_moment_then_it_tells():
    front = film("000 111")
    side = film("??? ???", lane="two", view=View.SAGITTAL, start=START + timedelta(seconds=3))
    opened = guess([*front, *side])
    assert [each.guesses[0].athlete_id for each in opened] == [clip.athlete_id for clip in front]
    assert all(Reason.OTHER_CAMERA in each.guesses[0].reasons and each.is_likely for each in opened)


def test_guess_when_a_person_has_said_whose_it_is_then_not_doubted():
    clips = film("000 0 11 222")
    settled = [replace(clip, is_settled=True) if number == 3 else clip for number, clip in enumerate(clips)]
    assert 3 not in told(settled, guess(settled))


def test_guess_when_a_recording_cannot_be_used_then_it_fills_no_trial():
    clips = film("000 1 11 1 222")
    lost = [replace(clip, counts=number != 3) for number, clip in enumerate(clips)]
    assert guess(lost) == ()


def test_guess_when_nobody_lacks_trials_then_nobody_is_guessed():
    clips = [
        *film("000 111 222 333 444 555 666 777"),
        *film("?", lane="two", start=START + timedelta(days=1)),
    ]
    (opened,) = guess(clips)
    assert (opened.guesses, opened.is_likely) == ((), False)


def test_guess_when_of_no_day_then_by_name_and_by_what_came_around_it():
    clips = film("0?1 ??")
    clips[4] = replace(clips[4], filename="athlete_no5.mp4")
    found = guess_without_day(clips, expected=TEAM)
    assert found.keys() == {clips[place].id for place in (1, 3, 4)}
    assert {each.athlete_id for each in found[clips[1].id]} == {TEAM[0].athlete_id, TEAM[1].athlete_id}
    assert found[clips[4].id][0].athlete_id == TEAM[5].athlete_id


def test_words_when_looked_up_then_every_reason_and_doubt_has_some():
    assert REASON_WORDS.keys() == set(Reason)
    assert DOUBT_WORDS.keys() == set(Doubt)


def filmed_with_pauses(labels: str) -> list[Clip]:
    """Return what a station filmed: 20 s from one to the next, and 60 s more where there is a space."""
    taken_at, clips = START, []
    for index, each in enumerate(labels.replace(" ", "")):
        before = labels[: [at for at, letter in enumerate(labels) if letter != " "][index]].count(" ")
        taken_at = START + timedelta(seconds=20 * index + 60 * before)
        clips.append(replace(film(each)[0], taken_at=taken_at, position=index))
    return clips


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("000 111 222 333 44? 555 666 777", {14: "4"}),
        ("000 111 222 333 443 555 666 777", {14: "4"}),
        ("000 111 222 333 4?? 555 666 777", {13: "4", 14: "4"}),
        ("000 111 222 333 444 4?5 666 777", {15: "5"}),
        ("000 111 222 333 ??? 555 666 777", {}),
        ("000 111 222 333 43? 555 666 777", {13: "4"}),
        ("000 111 222 333 444 4?? 666 777", {}),
    ],
    ids=[
        "unnamed",
        "the one before",
        "two unnamed",
        "two names",
        "nobody named",
        "one of each",
        "the one before and nobody",
    ],
)
def test_guess_when_a_station_pauses_between_athletes_then_likely_where_a_visit_has_one_name(
    labels, expected
):
    clips = filmed_with_pauses(labels)
    opened = guess(clips)
    likely = [each for each in opened if each.is_likely and Reason.NO_PAUSE in each.guesses[0].reasons]
    found = told(clips, likely)
    assert {at: place for at, (_, place) in found.items()} == expected
    assert all(each.is_likely is (each in likely) for each in opened)


def test_guess_when_one_did_a_trial_more_in_one_visit_then_nothing_is_doubted():
    assert guess(filmed_with_pauses("000 111 222 3333 444 555 666 777")) == ()


def test_guess_when_two_slips_lie_side_by_side_then_nothing_is_likely_for_the_order_alone():
    """The order fits 0, 0, 0, 1, 1, 1 as well as it fits 0, 0, 0, 2, 1, 1, of which two were named wrongly."""
    opened = guess(film("00? ?11 222 333"))
    assert opened
    assert not any(each.is_likely for each in opened)


def test_guess_when_two_pairs_of_cameras_film_then_only_the_one_beside_it_tells():
    later = START + timedelta(seconds=5)
    clips = [
        *film("000 111", lane="front 1"),
        *film("00? 111", lane="side 1", view=View.SAGITTAL, start=START + timedelta(seconds=9)),
        *film("222 333", lane="front 2", start=later),
        *film("222 333", lane="side 2", view=View.SAGITTAL, start=later),
    ]
    (opened,) = guess(clips)
    assert [each.athlete_id for each in opened.guesses if Reason.OTHER_CAMERA in each.reasons] == [
        TEAM[0].athlete_id
    ]


def damaged_day(seed: int, *, pause_s: float) -> tuple[list[Expected], list[Clip], dict[UUID, UUID]]:
    """Return a team of sixty, what two stations made of it with every tenth recording unnamed or named wrongly, and the truth."""
    chance = random.Random(seed)  # noqa: S311  # a day that can be had again
    team = [
        Expected(athlete_id=uuid4(), name=f"P{number}", bib=str(number), place=number) for number in range(60)
    ]
    clips: list[Clip] = []
    for station in range(2):
        now = START + timedelta(seconds=7 * station)
        for person in team[station::2]:
            now += timedelta(seconds=chance.uniform(pause_s, 2 * pause_s))
            for _ in range(3):
                now += timedelta(seconds=chance.uniform(12, 25))
                clips.append(
                    Clip(
                        id=uuid4(),
                        lane=station,
                        view=View.FRONTAL,
                        taken_at=now,
                        position=len(clips),
                        athlete_id=person.athlete_id,
                    )
                )
    truth = {clip.id: clip.athlete_id for clip in clips if clip.athlete_id is not None}
    for index in chance.sample(range(len(clips)), 18):
        kind, right = chance.choice(["nobody", "nobody", "anybody", "the one before"]), clips[index]
        wrong: UUID | None = None
        if kind == "anybody":
            wrong = chance.choice([each.athlete_id for each in team if each.athlete_id != truth[right.id]])
        if kind == "the one before":
            earlier = [
                each
                for each in clips
                if each.lane == right.lane
                and each.taken_at < right.taken_at
                and truth[each.id] != truth[right.id]
            ]
            wrong = truth[earlier[-1].id] if earlier else None
        clips[index] = replace(right, athlete_id=wrong)
    return team, clips, truth


def work_through(team: list[Expected], clips: list[Clip], truth: dict[UUID, UUID]) -> tuple[int, int]:
    """Accept what is likely until nothing is, and look at the others. Return how many were looked at and are wrong."""
    by_id = {clip.id: clip for clip in clips}
    n_looked_at = 0
    while opened := guess_athletes(list(by_id.values()), expected=team, n_trials=3):
        likely = {each.clip.id: each.guesses[0].athlete_id for each in opened if each.is_likely}
        n_looked_at += not likely
        first = opened[0].clip.id
        for clip_id, who in (likely or {first: truth[first]}).items():
            by_id[clip_id] = replace(by_id[clip_id], athlete_id=who, is_settled=True)
    return n_looked_at, sum(by_id[each].athlete_id != truth[each] for each in truth)


@pytest.mark.parametrize(("pause_s", "looked_at"), [(30.0, 0.1), (0.0, 0.6)], ids=["pauses", "no pauses"])
def test_guesses_when_every_tenth_of_180_is_wrong_then_none_goes_to_somebody_else_unnoticed(
    pause_s: float, looked_at: float
) -> None:
    """Over 7,200 recordings of forty days, not over one day that suits; without pauses more is left to a person."""
    days = [work_through(*damaged_day(seed, pause_s=pause_s)) for seed in range(40)]
    assert sum(left for _, left in days) == 0
    assert sum(looked for looked, _ in days) <= looked_at * 40 * 18
