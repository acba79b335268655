"""A new version of the method over a whole team: seen before it is accepted, done once, whatever dies in between."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.biomech.corrections import MoveEvent
from app.biomech.types import EventName, MethodStamp, Side
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Role
from app.domain.errors import ForbiddenError, IdempotencyConflictError, NotFoundError, StaleStateError
from app.domain.lifecycle import AnalysisOrigin
from app.domain.reanalysis import ReanalysisState, SkipReason
from app.domain.webhooks import PostOutcome, WebhookEvent, WebhookPolicy
from app.jobs.names import REANALYSE
from app.jobs.queue import BULK
from app.services import corrections, reanalyses, recordings, webhooks
from app.services.deliver_webhooks import Courier
from app.services.process_recording import process_recording
from app.services.reanalyses import ReanalysisView
from app.services.run_reanalysis import SliceResult, run_reanalysis, sweep_reanalyses
from app.services.video_reader import Progress, VideoReaderDiedError, VideoReading
from app.services.webhook_config import WebhookConfig
from app.services.work_policy import WorkPolicy
from app.storage.local import LocalBlobStore
from tests.factories import (
    METHOD,
    NEXT_METHOD,
    Club,
    ScriptedReader,
    make_athlete,
    make_club,
    make_recording,
    make_team,
    nobody,
    start_reanalysis,
    unreadable,
)
from tests.synth import drop_jump, video_of

QUICK = WorkPolicy(lease_s=2.0, heartbeat_s=0.1, resend_after_s=0.0)
NEXT_MODEL = replace(NEXT_METHOD, model_sha256="c" * 64)

LISTENING = WebhookConfig(secret_key="k" * 40, base_url="https://screen.example.org", allow_private=False)


def nowhere(url: str, *, headers: Mapping[str, str], body: bytes) -> PostOutcome:
    raise AssertionError(f"{url}: only handed out, not sent")


def reading(rise_deg: float) -> VideoReading:
    _, track = drop_jump(fps=60.0, rise_deg=(rise_deg, rise_deg))
    return VideoReading(video=replace(video_of(track), sha256="b" * 64), track=track)


@pytest.fixture
def uow_factory(fresh_uow_factory: UnitOfWorkFactory) -> UnitOfWorkFactory:
    """The sweeper sees every organisation, so it gets a database of its own."""
    return fresh_uow_factory


@pytest.fixture
def squad(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> "Squad":
    return Squad(uow_factory=uow_factory, blobs=blobs, club=club, folder=tmp_path)


class Squad:
    """A team that was filmed, and whoever looks after its re-analysis."""

    def __init__(
        self, *, uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, folder: Path
    ) -> None:
        self.uow_factory, self.blobs, self.club, self.folder = uow_factory, blobs, club, folder
        self.team = make_team(uow_factory, club)

    def film(self, what: VideoReading, *, name: str = "Ada", in_team: bool = True) -> UUID:
        athlete = make_athlete(self.uow_factory, self.club, name=name, team=self.team if in_team else None)
        made = make_recording(self.uow_factory, self.blobs, self.club, folder=self.folder, athlete=athlete)
        process_recording(
            recording_id=made.recording.id,
            organisation_id=self.club.id,
            uow_factory=self.uow_factory,
            blobs=self.blobs,
            reader_factory=lambda: ScriptedReader(reading=what),
            method=METHOD,
            staging_dir=self.folder,
            overlay=False,
        )
        return made.recording.id

    def work(
        self,
        reanalysis_id: UUID,
        *,
        method: MethodStamp = NEXT_METHOD,
        reader: Callable[[], ScriptedReader] = ScriptedReader,
        slice_s: float = 60.0,
        blobs: Any = None,
    ) -> SliceResult:
        return run_reanalysis(
            reanalysis_id=reanalysis_id,
            organisation_id=self.club.id,
            uow_factory=self.uow_factory,
            blobs=blobs or self.blobs,
            reader_factory=reader,
            method=method,
            staging_dir=self.folder,
            policy=QUICK,
            slice_s=slice_s,
        )

    def look(self, reanalysis_id: UUID) -> ReanalysisView:
        with self.uow_factory(self.club.principal) as uow:
            return reanalyses.get_reanalysis(
                uow=uow, principal=self.club.principal, reanalysis_id=reanalysis_id
            )

    def accept(self, reanalysis_id: UUID) -> ReanalysisView:
        with self.uow_factory(self.club.principal) as uow:
            return reanalyses.accept_reanalysis(
                uow=uow, principal=self.club.principal, reanalysis_id=reanalysis_id
            )

    def cancel(self, reanalysis_id: UUID) -> ReanalysisView:
        with self.uow_factory(self.club.principal) as uow:
            return reanalyses.cancel_reanalysis(
                uow=uow, blobs=self.blobs, principal=self.club.principal, reanalysis_id=reanalysis_id
            )

    def listen(self) -> None:
        """Have a webhook that asks for the ends of re-analyses."""
        with self.uow_factory(self.club.principal) as uow:
            webhooks.create_webhook(
                uow=uow,
                principal=self.club.principal,
                config=LISTENING,
                url="https://hooks.example.org/",
                events=[WebhookEvent.REANALYSIS_READY, WebhookEvent.REANALYSIS_DONE],
            )

    def told(self) -> list[tuple[str, str]]:
        """What is told of re-analyses, oldest first: the event and the id."""
        Courier(
            uow_factory=self.uow_factory, post=nowhere, config=LISTENING, policy=WebhookPolicy()
        ).hand_out(self.club.id)
        with self.uow_factory(self.club.principal) as uow:
            asked = {"uow": uow, "principal": self.club.principal}
            [endpoint] = webhooks.list_webhooks(**asked).items
            found = webhooks.list_deliveries(**asked, webhook_id=endpoint.id).items
        return [(each.event.value, each.content["reanalysis_id"]) for each in reversed(found)]

    def versions(self, recording_id: UUID) -> list[str]:
        """The method versions of a recording's analyses, newest first."""
        with self.uow_factory(self.club.id) as uow:
            found = uow.analyses.list_newest(
                organisation_id=self.club.id, recording_id=recording_id, before=None, limit=50
            )
        return [stored.content.method.version for stored in found]


def test_preview_when_whole_then_nothing_is_changed_and_it_says_what_would_be(squad: Squad) -> None:
    filmed = [squad.film(reading(rise)) for rise in (4.0, 12.0, 20.0)]
    outside = squad.film(reading(12.0), in_team=False)
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club, team=squad.team)
    assert squad.look(reanalysis_id).summary.state is ReanalysisState.PREVIEWING
    assert squad.work(reanalysis_id) is SliceResult.FINISHED
    view = squad.look(reanalysis_id)
    preview = view.preview
    assert view.summary.state is ReanalysisState.READY
    assert (preview.n_recordings, preview.n_judged, preview.n_athletes) == (3, 3, 3)
    assert preview.n_athletes_changing_band == 0  # the same code under another version: nothing moves
    assert preview.score is not None
    assert (preview.score.n, preview.score.median) == (3, 0.0)
    assert {shift.key for shift in preview.metrics} >= {"fppa", "knee_valgus_displacement", "contact_time"}
    assert all(shift.median == 0.0 for shift in preview.metrics)
    assert preview.largest_movers == ()
    for recording_id in (*filmed, outside):
        assert squad.versions(recording_id) == ["1.0.0"]


def test_accept_when_done_then_both_are_kept_and_the_new_one_is_present(squad: Squad) -> None:
    recording_id = squad.film(reading(12.0))
    squad.listen()
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    with pytest.raises(StaleStateError):
        squad.accept(reanalysis_id)  # not before it was looked at
    squad.work(reanalysis_id)
    assert squad.told() == [("reanalysis.ready", str(reanalysis_id))]
    squad.accept(reanalysis_id)
    assert squad.accept(reanalysis_id).summary.state is ReanalysisState.ACCEPTING  # twice is once
    assert squad.work(reanalysis_id) is SliceResult.FINISHED
    assert squad.told() == [(f"reanalysis.{what}", str(reanalysis_id)) for what in ("ready", "done")]
    view = squad.look(reanalysis_id)
    assert (view.summary.state, view.preview.n_accepted) == (ReanalysisState.DONE, 1)
    assert squad.versions(recording_id) == ["2.0.0", "1.0.0"]
    assert squad.work(reanalysis_id) is SliceResult.NOT_CLAIMED
    assert squad.versions(recording_id) == ["2.0.0", "1.0.0"]
    with squad.uow_factory(squad.club.principal) as uow:
        present = recordings.get_recording(uow=uow, principal=squad.club.principal, recording_id=recording_id)
        assert present.analysis is not None
        detail = corrections.get_analysis(
            uow=uow, principal=squad.club.principal, analysis_id=present.analysis.id
        )
    assert detail.origin is AnalysisOrigin.REANALYSIS
    again = start_reanalysis(squad.uow_factory, squad.club)
    assert (squad.look(again).summary.n_current, squad.look(again).preview.n_recordings) == (1, 0)


def test_accept_when_it_was_corrected_after_the_preview_then_the_correction_is_in_the_new_analysis(
    squad: Squad,
) -> None:
    recording_id = squad.film(reading(12.0))
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    squad.work(reanalysis_id)
    with squad.uow_factory(squad.club.principal) as uow:
        view = recordings.get_recording(uow=uow, principal=squad.club.principal, recording_id=recording_id)
        assert view.analysis is not None
        contact = next(e for e in view.analysis.record.events if e.name is EventName.INITIAL_CONTACT)
        corrections.correct(
            uow=uow,
            blobs=squad.blobs,
            principal=squad.club.principal,
            method=METHOD,
            analysis_id=view.analysis.id,
            correction=MoveEvent(
                name=EventName.INITIAL_CONTACT, side=Side.LEFT, time_s=contact.time_s + 0.02
            ),
        )
    squad.accept(reanalysis_id)
    squad.work(reanalysis_id)
    with squad.uow_factory(squad.club.principal) as uow:
        view = recordings.get_recording(uow=uow, principal=squad.club.principal, recording_id=recording_id)
    assert view.analysis is not None
    assert view.analysis.record.method.version == "2.0.0"
    assert [item.status.value for item in view.corrections] == ["applied"]
    assert squad.versions(recording_id) == ["2.0.0", "1.0.0", "1.0.0"]


def test_preview_when_the_model_is_another_then_the_video_is_read_once_for_preview_and_result(
    squad: Squad,
) -> None:
    recording_id = squad.film(reading(12.0))
    with squad.uow_factory(squad.club.principal) as uow:
        reanalysis_id = reanalyses.start_reanalysis(
            uow=uow, principal=squad.club.principal, method=NEXT_MODEL, team_id=None
        ).summary.id
    reader = ScriptedReader(reading=reading(18.0))
    squad.work(reanalysis_id, method=NEXT_MODEL, reader=lambda: reader)
    preview = squad.look(reanalysis_id).preview
    assert (preview.n_from_video, preview.n_judged) == (1, 1)
    assert preview.score is not None
    assert preview.score.median > 1.0  # 6 deg more valgus in what the new model reads
    assert [mover.athlete_name for mover in preview.largest_movers] == ["Ada"]
    squad.accept(reanalysis_id)
    squad.work(reanalysis_id, method=NEXT_MODEL, reader=lambda: reader)
    assert len(reader.contexts) == 1
    with squad.uow_factory(squad.club.id) as uow:
        stored = uow.analyses.latest(organisation_id=squad.club.id, recording_id=recording_id)
    assert stored is not None
    assert stored.content.method == NEXT_MODEL


def test_preview_when_some_cannot_be_judged_anew_then_each_with_its_reason(squad: Squad) -> None:
    squad.film(unreadable())
    squad.film(reading(12.0))
    squad.film(replace(nobody(), track=None))
    busy = squad.film(reading(8.0))
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    with squad.uow_factory(squad.club.principal) as uow:
        recordings.requeue_recording(uow=uow, principal=squad.club.principal, recording_id=busy)
    squad.work(reanalysis_id)
    preview = squad.look(reanalysis_id).preview
    assert preview.not_possible == {
        SkipReason.NOT_A_VIDEO: 1,
        SkipReason.NOBODY_FOLLOWED: 1,
        SkipReason.BEING_READ: 1,
    }
    assert {item.recording_id for item in preview.not_possible_recordings} >= {busy}
    assert preview.n_judged == 1


def test_slice_when_its_time_is_up_then_it_goes_to_the_end_of_the_bulk_queue(
    squad: Squad, queue: Any
) -> None:
    filmed = [squad.film(reading(rise)) for rise in (4.0, 8.0, 12.0)]
    queue.jobs.clear()
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    results = [squad.work(reanalysis_id, slice_s=0.0) for _ in range(4)]
    assert results == [*[SliceResult.MORE] * 3, SliceResult.FINISHED]
    assert {(job.name, job.queue) for job in queue.jobs} == {(REANALYSE, BULK)}
    assert len(queue.jobs) == 4
    assert squad.look(reanalysis_id).preview.n_judged == len(filmed)


def test_worker_when_it_dies_in_the_middle_then_another_goes_on_and_nothing_is_made_twice(
    squad: Squad, queue: Any
) -> None:
    """Dying is an error that nothing catches: the lease stays behind, as after kill -9."""
    filmed = [squad.film(reading(rise)) for rise in (4.0, 8.0, 12.0)]
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    squad.work(reanalysis_id)
    squad.accept(reanalysis_id)

    class Dying(LocalBlobStore):
        n_put = 0

        def put_bytes(self, key: str, content: bytes) -> None:
            Dying.n_put += 1
            if Dying.n_put > 1:
                raise MemoryError
            super().put_bytes(key, content)

    with pytest.raises(MemoryError):
        squad.work(reanalysis_id, blobs=Dying(squad.folder / "blobs"))
    assert squad.look(reanalysis_id).preview.n_accepted == 1
    assert squad.work(reanalysis_id) is SliceResult.NOT_CLAIMED  # the dead one's lease still holds
    assert sweep_reanalyses(uow_factory=squad.uow_factory, policy=QUICK) == 0
    Event().wait(QUICK.lease_s + 0.1)
    queue.jobs.clear()
    assert sweep_reanalyses(uow_factory=squad.uow_factory, policy=QUICK) == 1
    assert [job.args for job in queue.jobs] == [(str(reanalysis_id), str(squad.club.id))]
    assert squad.work(reanalysis_id) is SliceResult.FINISHED
    assert [squad.versions(each) for each in filmed] == [["2.0.0", "1.0.0"]] * 3


def test_worker_when_a_video_kills_every_reader_then_it_is_given_up_and_the_rest_goes_on(
    squad: Squad,
) -> None:
    squad.film(reading(12.0))
    with squad.uow_factory(squad.club.principal) as uow:
        reanalysis_id = reanalyses.start_reanalysis(
            uow=uow, principal=squad.club.principal, method=NEXT_MODEL, team_id=None
        ).summary.id

    def die(path: Path, on_progress: Progress) -> None:
        raise VideoReaderDiedError

    outcome = squad.work(reanalysis_id, method=NEXT_MODEL, reader=lambda: ScriptedReader(while_reading=die))
    assert outcome is SliceResult.FINISHED
    assert squad.look(reanalysis_id).preview.not_possible == {SkipReason.GAVE_UP: 1}


def test_workers_when_many_come_at_once_then_one_has_it_and_each_recording_is_done_once(squad: Squad) -> None:
    filmed = [squad.film(reading(rise)) for rise in (4.0, 12.0)]
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    squad.work(reanalysis_id)
    squad.accept(reanalysis_id)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: squad.work(reanalysis_id), range(4)))
    assert results.count(SliceResult.FINISHED) == 1
    assert [squad.versions(each) for each in filmed] == [["2.0.0", "1.0.0"]] * 2


def test_worker_when_it_has_another_method_then_it_leaves_it_alone(squad: Squad) -> None:
    squad.film(reading(12.0))
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    assert squad.work(reanalysis_id, method=METHOD) is SliceResult.NOT_CLAIMED
    assert squad.work(uuid4()) is SliceResult.NOT_CLAIMED


def test_cancel_when_in_the_middle_then_the_worker_stops_and_another_can_be_started(squad: Squad) -> None:
    squad.film(reading(12.0))
    squad.film(reading(4.0))
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    with pytest.raises(StaleStateError):
        start_reanalysis(squad.uow_factory, squad.club)
    squad.work(reanalysis_id, slice_s=0.0)
    assert squad.cancel(reanalysis_id).summary.state is ReanalysisState.CANCELLED
    assert squad.cancel(reanalysis_id).summary.state is ReanalysisState.CANCELLED
    assert squad.work(reanalysis_id) is SliceResult.NOT_CLAIMED
    with pytest.raises(StaleStateError):
        squad.accept(reanalysis_id)
    start_reanalysis(squad.uow_factory, squad.club)


def test_start_when_repeated_with_its_key_then_the_same_one(squad: Squad) -> None:
    def start(team_id: UUID | None) -> ReanalysisView:
        with squad.uow_factory(squad.club.principal) as uow:
            return reanalyses.start_reanalysis(
                uow=uow,
                principal=squad.club.principal,
                method=NEXT_METHOD,
                team_id=team_id,
                idempotency_key="k",
            )

    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(start, [squad.team.id] * 4))
    assert len({view.summary.id for view in started}) == 1
    assert sorted(view.replayed for view in started) == [False, True, True, True]
    with pytest.raises(IdempotencyConflictError):
        start(None)


def test_reanalysis_when_not_allowed_or_anothers_then_refused(squad: Squad) -> None:
    reanalysis_id = start_reanalysis(squad.uow_factory, squad.club)
    rival = make_club(squad.uow_factory, name="Rivals United")
    with pytest.raises(NotFoundError), squad.uow_factory(rival.principal) as uow:
        reanalyses.get_reanalysis(uow=uow, principal=rival.principal, reanalysis_id=reanalysis_id)
    with pytest.raises(NotFoundError), squad.uow_factory(rival.principal) as uow:
        reanalyses.start_reanalysis(
            uow=uow, principal=rival.principal, method=NEXT_METHOD, team_id=squad.team.id
        )
    viewer = squad.club.as_role(Role.VIEWER)
    with pytest.raises(ForbiddenError), squad.uow_factory(viewer) as uow:
        reanalyses.accept_reanalysis(uow=uow, principal=viewer, reanalysis_id=reanalysis_id)
    with squad.uow_factory(viewer) as uow:
        page = reanalyses.list_reanalyses(uow=uow, principal=viewer)
    assert [item.id for item in page.items] == [reanalysis_id]
