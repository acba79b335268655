"""Whose turn it is: organisations take turns, and what somebody waits for goes before what nobody does."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.lifecycle import Trigger
from app.storage.blobs import BlobStore
from tests.factories import Club, finish_recording, make_club, make_recording

Queue = Callable[[Club, int], list[UUID]]


@pytest.fixture
def fill(fresh_uow_factory: UnitOfWorkFactory, blobs: BlobStore, tmp_path: Path) -> Queue:
    def put(club: Club, count: int) -> list[UUID]:
        return [
            make_recording(fresh_uow_factory, blobs, club, folder=tmp_path).recording.id for _ in range(count)
        ]

    return put


def serve(uow_factory: UnitOfWorkFactory) -> UUID | None:
    """Take the next turn as a worker does, and return whose."""
    with uow_factory(None) as uow:
        turn = uow.recordings.take_turn()
        if turn is None:
            return None
        uow.enter(turn.organisation_id)
        assert uow.recordings.claim(turn.recording_id, lease_s=60.0, max_attempts=3) is not None
        return turn.organisation_id


def test_turns_when_one_organisation_has_many_then_the_others_are_not_behind_all_of_them(
    fresh_uow_factory: UnitOfWorkFactory, fill: Queue
) -> None:
    many, few, one = (make_club(fresh_uow_factory, name=name) for name in ("Many", "Few", "One"))
    fill(many, 6)
    fill(few, 2)
    fill(one, 1)
    served = [serve(fresh_uow_factory) for _ in range(10)]
    names = {many.id: "m", few.id: "f", one.id: "1", None: "-"}
    assert "".join(names[each] for each in served) == "mf1mfmmmm-"


def test_turns_when_nobody_waits_for_something_then_it_comes_last(
    fresh_uow_factory: UnitOfWorkFactory, fill: Queue
) -> None:
    bulk, waiting = make_club(fresh_uow_factory, name="Bulk"), make_club(fresh_uow_factory, name="Waiting")
    for recording_id in fill(bulk, 2):
        finish_recording(fresh_uow_factory, bulk, recording_id)
        with fresh_uow_factory(bulk.id) as uow:
            state = uow.recordings.find(organisation_id=bulk.id, recording_id=recording_id).recording.state
            uow.recordings.enqueue(
                recording_id, from_state=state, trigger=Trigger.REANALYSE, actor=bulk.principal, bulk=True
            )
    fill(waiting, 3)
    assert [serve(fresh_uow_factory) for _ in range(5)] == [waiting.id] * 3 + [bulk.id] * 2


def test_turns_when_two_workers_take_one_in_the_same_moment_then_of_two_organisations(
    fresh_uow_factory: UnitOfWorkFactory, fill: Queue
) -> None:
    """Also when one has to share an organisation, both get a recording of their own."""
    first, second = make_club(fresh_uow_factory, name="A"), make_club(fresh_uow_factory, name="B")
    fill(first, 3)
    fill(second, 1)
    with fresh_uow_factory(None) as one, fresh_uow_factory(None) as two:
        turns = [one.recordings.take_turn(), two.recordings.take_turn()]
        assert {turn.organisation_id for turn in turns if turn} == {first.id, second.id}


def test_position_when_organisations_take_turns_then_told_as_they_will_be_served(
    fresh_uow_factory: UnitOfWorkFactory, fill: Queue
) -> None:
    many, one = make_club(fresh_uow_factory, name="Many"), make_club(fresh_uow_factory, name="One")
    theirs, mine = fill(many, 4), fill(one, 1)

    def position(club: Club, recording_id: UUID) -> int | None:
        with fresh_uow_factory(club.id) as uow:
            return uow.recordings.queue_position(recording_id)

    assert [position(many, each) for each in theirs] == [1, 3, 4, 5]
    assert position(one, mine[0]) == 2
    assert serve(fresh_uow_factory) == many.id
    assert position(one, mine[0]) == 1
    assert [position(many, each) for each in theirs] == [None, 2, 3, 4]


def test_turns_when_held_by_the_functions_owner_then_nothing_can_be_changed_by_that(
    engine: Engine,
) -> None:
    """What the function may hold, its owner's policy does not let anybody write."""
    with engine.begin() as connection:
        rows = connection.execute(
            text("SELECT policyname, with_check FROM pg_policies WHERE tablename = 'recording'")
        )
        policies = {row.policyname: row.with_check for row in rows}
    assert policies["owner_holds"] == "false"
