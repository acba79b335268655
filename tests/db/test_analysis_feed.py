"""The feed of changed analyses: whoever follows it misses nothing, whatever transactions do meanwhile."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from app.biomech.types import Verdict
from app.db.repositories.feed import FeedQuery
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.analysis_feed import FeedRecord
from app.domain.lifecycle import RecordingState, Trigger
from app.domain.metric_export import MetricExportFilter
from app.storage.local import LocalBlobStore
from tests.factories import (
    REJECTED,
    Club,
    finish_recording,
    make_athlete,
    make_club,
    make_record,
    make_recording,
    make_team,
)

Analyse = Callable[..., UUID]


@pytest.fixture
def club(uow_factory: UnitOfWorkFactory) -> Club:
    return make_club(uow_factory)


@pytest.fixture
def analyse(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> Analyse:
    def make(**options: object) -> UUID:
        record = options.pop("record", None)
        received = make_recording(uow_factory, blobs, club, folder=tmp_path, **options)  # type: ignore[arg-type]  # passed through
        return finish_recording(
            uow_factory,
            club,
            received.recording.id,
            record=record or make_record(),  # type: ignore[arg-type]  # as above
        )

    return make


def _feed(
    uow_factory: UnitOfWorkFactory, club: Club, *, since: datetime | None = None, **filters: object
) -> list[FeedRecord]:
    values = {"athlete_id": None, "team_id": None, "method_version": None, "verdict": None, "after": None}
    query = {**values, "limit": 500, **filters}
    with uow_factory(club.id) as uow:
        return uow.feed.list_changed(
            FeedQuery(organisation_id=club.id, modified_from=since, **query)  # type: ignore[arg-type]  # as above
        )


def _ids(found: list[FeedRecord]) -> list[UUID]:
    return [record.analysis_id for record in found]


def _recording_of(engine: Engine, club: Club, analysis_id: UUID) -> UUID:
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
        found: UUID = connection.execute(
            text("SELECT recording_id FROM analysis WHERE id = :id"), {"id": analysis_id}
        ).scalar_one()
        return found


def test_feed_when_analyses_are_made_then_listed_in_that_order_with_what_they_say(
    uow_factory: UnitOfWorkFactory, club: Club, analyse: Analyse
) -> None:
    athlete = make_athlete(uow_factory, club)
    made = [analyse(athlete=athlete), analyse(), analyse(record=REJECTED)]
    found = _feed(uow_factory, club)
    assert _ids(found) == made
    assert [record.modified_at for record in found] == sorted({record.modified_at for record in found})
    first, _, last = (record.analysis for record in found)
    assert first is not None
    assert last is not None
    told, refused = json.loads(first.summary), json.loads(last.summary)
    assert (first.athlete_id, first.verdict, told["score"]["value"]) == (athlete.id, Verdict.VALID, 43.65)
    assert told["metrics"][0] == {
        "key": "fppa", "side": "both", "value": 4.6667, "unit": "deg", "event": "peak_knee_flexion", "se": 5.2,
        "repetition": None,
    }  # fmt: skip
    assert (refused["score"], refused["findings"]) == (None, [{"code": "no_person", "severity": "error"}])


def test_feed_when_read_from_an_instant_then_it_is_included_and_pages_meet(
    uow_factory: UnitOfWorkFactory, club: Club, analyse: Analyse
) -> None:
    made = [analyse() for _ in range(4)]
    found = _feed(uow_factory, club)
    assert _ids(_feed(uow_factory, club, since=found[2].modified_at)) == made[2:]
    assert _ids(_feed(uow_factory, club, since=found[2].modified_at + timedelta(microseconds=1))) == made[3:]
    first = _feed(uow_factory, club, limit=2)
    key = (first[-1].modified_at, first[-1].analysis_id)
    assert _ids([*first, *_feed(uow_factory, club, after=key)]) == made


def test_feed_while_a_long_transaction_is_open_then_its_row_comes_after_all_that_were_seen_before_it(
    uow_factory: UnitOfWorkFactory,
    blobs: LocalBlobStore,
    club: Club,
    analyse: Analyse,
    tmp_path: Path,
) -> None:
    """The classic gap: a row written early and committed late, past which a reader has already gone."""
    slow_id = make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id
    written, may_commit = Event(), Event()
    made: list[UUID] = []

    def held(organisation_id: UUID) -> _Held:
        return _Held(uow_factory(organisation_id), written=written, may_commit=may_commit)

    thread = Thread(
        target=lambda: made.append(finish_recording(held, club, slow_id, pictures=None))  # type: ignore[arg-type]  # stands in for a factory
    )
    thread.start()
    assert written.wait(20)
    quick = [analyse(), analyse()]
    seen = _feed(uow_factory, club)
    assert _ids(seen) == quick
    may_commit.set()
    thread.join(20)
    assert _ids(_feed(uow_factory, club, since=seen[-1].modified_at)) == [quick[-1], *made]
    assert len(made) == 1


class _Held:
    """A unit of work that has written everything and waits before it commits."""

    def __init__(self, inner: UnitOfWork, *, written: Event, may_commit: Event) -> None:
        self._inner, self._written, self._may_commit = inner, written, may_commit

    def __enter__(self) -> UnitOfWork:
        return self._inner.__enter__()

    def __exit__(self, *exc: object) -> None:
        self._written.set()
        assert self._may_commit.wait(20)
        self._inner.__exit__(*exc)  # type: ignore[arg-type]  # passed through


def test_feed_while_many_write_then_a_reader_that_goes_on_from_its_last_instant_sees_each_one(
    uow_factory: UnitOfWorkFactory,
    blobs: LocalBlobStore,
    club: Club,
    tmp_path: Path,
) -> None:
    waiting = [make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id for _ in range(24)]
    made: list[UUID] = []

    def work(mine: list[UUID]) -> None:
        made.extend(finish_recording(uow_factory, club, recording_id) for recording_id in mine)

    threads = [Thread(target=work, args=(waiting[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    seen: set[UUID] = set()
    since: datetime | None = None
    while any(thread.is_alive() for thread in threads) or since is None:
        found = _feed(uow_factory, club, since=since)
        seen |= set(_ids(found))
        since = found[-1].modified_at if found else since
    for thread in threads:
        thread.join()
    seen |= set(_ids(_feed(uow_factory, club, since=since)))
    assert seen == set(made)
    assert len(made) == 24


def test_feed_when_an_analysis_is_deleted_then_a_tombstone_without_the_athlete_that_passes_every_filter(
    uow_factory: UnitOfWorkFactory, club: Club, analyse: Analyse, engine: Engine
) -> None:
    athlete = make_athlete(uow_factory, club)
    kept, gone = analyse(athlete=athlete), analyse(athlete=athlete)
    since = _feed(uow_factory, club)[-1].modified_at
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
        connection.execute(
            text("DELETE FROM recording WHERE id = (SELECT recording_id FROM analysis WHERE id = :id)"),
            {"id": gone},
        )
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        row = connection.execute(
            text("SELECT athlete_id, deleted_at FROM analysis_feed WHERE analysis_id = :id"), {"id": gone}
        ).one()
    assert row.athlete_id is None
    assert row.deleted_at is not None
    for filters in ({}, {"athlete_id": athlete.id}, {"verdict": Verdict.INVALID}, {"method_version": "0"}):
        found = _feed(uow_factory, club, since=since, **filters)
        assert found[-1].analysis_id == gone
        assert (found[-1].deleted_at, found[-1].analysis) == (row.deleted_at, None)
    assert _ids(_feed(uow_factory, club)) == [kept, gone]


def test_feed_when_a_recording_moves_to_another_athlete_or_is_erased_then_it_comes_again(
    uow_factory: UnitOfWorkFactory, club: Club, analyse: Analyse, engine: Engine
) -> None:
    first, second = make_athlete(uow_factory, club), make_athlete(uow_factory, club, name="Bo Dahl")
    moved, other = analyse(athlete=first), analyse(athlete=first)
    recording_id = _recording_of(engine, club, moved)
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
        connection.execute(
            text("UPDATE recording SET athlete_id = :athlete WHERE id = :id"),
            {"athlete": second.id, "id": recording_id},
        )
    assert _ids(_feed(uow_factory, club)) == [other, moved]
    assert _ids(_feed(uow_factory, club, athlete_id=second.id)) == [moved]
    assert _ids(_feed(uow_factory, club, athlete_id=first.id)) == [other]
    with uow_factory(club.id) as uow:
        uow.recordings.transition(recording_id, from_state=RecordingState.ANALYSED, trigger=Trigger.ERASED)
    last = _feed(uow_factory, club)[-1]
    assert (last.analysis_id, last.analysis) == (moved, None)


def test_feed_when_filtered_then_only_those(
    uow_factory: UnitOfWorkFactory, club: Club, analyse: Analyse
) -> None:
    team = make_team(uow_factory, club)
    athlete = make_athlete(uow_factory, club, team=team)
    mine, others, rejected = analyse(athlete=athlete), analyse(), analyse(record=REJECTED)
    assert _ids(_feed(uow_factory, club, athlete_id=athlete.id)) == [mine]
    assert _ids(_feed(uow_factory, club, team_id=team.id)) == [mine]
    assert _ids(_feed(uow_factory, club, verdict=Verdict.INVALID)) == [rejected]
    assert _ids(_feed(uow_factory, club, method_version="1.0.0")) == [mine, others, rejected]
    assert _feed(uow_factory, club, method_version="0.9") == []


def test_feed_when_somebody_else_reads_then_nothing_of_ours(
    uow_factory: UnitOfWorkFactory, club: Club, analyse: Analyse
) -> None:
    analyse()
    assert _feed(uow_factory, make_club(uow_factory, name="Rivals United")) == []


def test_feed_when_an_analysis_is_withheld_then_told_like_a_deleted_one_until_it_may_be_seen_again(
    uow_factory: UnitOfWorkFactory, club: Club, analyse: Analyse, engine: Engine
) -> None:
    withheld, other = analyse(), analyse()
    since = _feed(uow_factory, club)[-1].modified_at
    recording_id = _recording_of(engine, club, withheld)
    for level in (2, 0):
        with engine.begin() as connection:
            connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
            connection.execute(
                text("UPDATE recording SET withheld = :level WHERE id = :id"),
                {"level": level, "id": recording_id},
            )
        found = _feed(uow_factory, club, since=since)
        assert _ids(found) == [other, withheld]
        assert (found[-1].analysis is None) == (found[-1].deleted_at is not None) == (level == 2)
        batch = _export(uow_factory, club)
        assert (withheld in batch) == (level == 0)
        assert other in batch


def _export(uow_factory: UnitOfWorkFactory, club: Club) -> set[UUID]:
    """Read in batches of one, so that a batch of which nothing may be seen does not end the reading."""
    seen: set[UUID] = set()
    after = None
    while True:
        with uow_factory(club.id) as uow:
            batch = uow.exports.read_metrics(
                organisation_id=club.id, wanted=MetricExportFilter(), after=after, n_analyses=1
            )
        if batch.last_analysis_id is None:
            return seen
        after = batch.last_analysis_id
        seen |= {row.analysis_id for row in batch.rows}
