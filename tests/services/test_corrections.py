"""Putting an analysis right by hand on a real database: recorded, judged anew from the stored track, undone."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from app.biomech.corrections import (
    CorrectionKind,
    DropTrial,
    MoveKeypoint,
    PickPerson,
    SwapSides,
)
from app.biomech.joints import MIRROR, Joint
from app.biomech.quality import make_finding
from app.biomech.types import AthletePoint, EventSource, Side, Verdict
from app.db.unit_of_work import UnitOfWorkFactory
from app.domain.access import Role
from app.domain.errors import (
    ForbiddenError,
    IdempotencyConflictError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
    StaleStateError,
)
from app.domain.lifecycle import AnalysisOrigin, PicturesState, RecordingState
from app.domain.versions import Expected
from app.jobs.names import ANALYSE_RECORDING, DRAW_PICTURES
from app.services import corrections, recordings, roster
from app.services.correction_views import AnalysisDetail
from app.services.draw_pictures import DrawResult, draw_pictures
from app.services.process_recording import AttemptResult
from app.services.read_models import CorrectionStatus, DashboardSort
from app.services.video_reader import PictureOrder, Pictures, Progress
from app.storage.local import LocalBlobStore
from app.storage.tracks import track_from_bytes
from tests.factories import (
    METHOD,
    Club,
    ScriptedReader,
    unreadable,
)
from tests.services.correction_desk import (
    FIGURE,
    LATER,
    OTHER_METHOD,
    TRACK,
    Desk,
    now_of,
    reading_of,
    values,
)
from tests.synth import drop_jump


@pytest.fixture
def desk(uow_factory: UnitOfWorkFactory, blobs: LocalBlobStore, club: Club, tmp_path: Path) -> Desk:
    return Desk(uow_factory=uow_factory, blobs=blobs, club=club, folder=tmp_path)


def test_correct_when_an_event_is_moved_then_recorded_with_who_why_before_and_after(desk: Desk) -> None:
    first = desk.film()
    result = desk.correct(first, LATER, reason=" heel was down later ")
    made, now = result.correction, now_of(result)
    assert (made.kind, made.analysis_id, made.status) == (
        CorrectionKind.MOVE_EVENT,
        first,
        CorrectionStatus.APPLIED,
    )
    assert made.reason == "heel was down later"
    assert (made.by.user_id, made.by.name) == (desk.club.principal.user_id, "Kim Trainer")
    assert made.after["time_s"] == LATER.time_s
    assert made.before["time_s"] == pytest.approx(FIGURE.contact_at_s, abs=0.002)
    assert made.before["source"] == "auto"
    assert (now.origin, now.supersedes_id, now.automatic_id) == (AnalysisOrigin.CORRECTION, first, first)
    assert [item.id for item in now.corrections] == [made.id]
    event = next(e for e in now.analysis.record.events if (e.name, e.side) == (LATER.name, LATER.side))
    assert (event.time_s, event.source) == (LATER.time_s, EventSource.MANUAL)
    assert now.analysis.record.method == METHOD


def test_correct_when_made_then_the_automatic_analysis_is_still_there_to_the_last_bit(desk: Desk) -> None:
    first = desk.film()
    before = desk.look(first)
    second = now_of(desk.correct(first, LATER)).analysis.id
    after = desk.look(first)
    assert replace(after.analysis, pictures=before.analysis.pictures) == before.analysis
    assert (before.is_present, after.is_present) == (True, False)
    assert before.etag != after.etag
    recording = desk.recording(before.analysis.recording_id)
    assert recording.analysis is not None
    assert recording.analysis.id == second
    assert [item.kind for item in recording.corrections] == [CorrectionKind.MOVE_EVENT]
    assert recording.state is RecordingState.ANALYSED


def test_correct_when_the_picture_is_dark_and_compressed_then_judged_anew_with_the_same_errors(
    desk: Desk,
) -> None:
    reading = reading_of(TRACK)
    assert reading.video is not None
    poor = replace(reading.video, brightness=0.1, contrast=0.03, key_bits_per_pixel=0.03)
    first = desk.film(replace(reading, video=poor))
    made = desk.correct(first, LATER)
    corrected = now_of(made).analysis
    after = now_of(desk.undo(corrected.id, made.correction.id)).analysis.record
    before = desk.look(first).analysis.record
    assert after.video is not None
    assert replace(after.video, sha256=poor.sha256) == before.video == poor
    assert (after.metrics, after.findings) == (before.metrics, before.findings)
    assert "picture_dark" in {finding.code for finding in corrected.record.findings}
    errors = [
        {(m.key, m.side, m.event): m.se for m in record.metrics} for record in (before, corrected.record)
    ]
    at = ("fppa", Side.BOTH, "peak")
    assert errors[1][at] == pytest.approx(errors[0][at], rel=0.1)
    plain = desk.look(desk.film()).analysis.record
    assert errors[0][at] > 1.2 * next(m.se for m in plain.metrics if (m.key, m.side, m.event) == at and m.se)


def test_correct_when_measured_then_answered_in_far_less_than_two_seconds(desk: Desk) -> None:
    first = desk.film()
    started_s = time.perf_counter()
    result = desk.correct(first, LATER)
    elapsed_s = time.perf_counter() - started_s
    assert elapsed_s < 2.0  # the promise; 0.2-0.4 s on a quiet core
    assert result.recomputed_in_ms is not None
    assert 0.0 < result.recomputed_in_ms <= 1000.0 * elapsed_s


def test_comparison_when_asked_for_then_every_metric_and_event_stands_beside_the_automatic_one(
    desk: Desk,
) -> None:
    first = desk.film()
    result = desk.correct(first, LATER)
    assert result.comparison is not None
    with desk.uow_factory(desk.club.principal) as uow:
        beside = corrections.compare_analyses(
            uow=uow, principal=desk.club.principal, analysis_id=now_of(result).analysis.id
        )
    assert beside == result.comparison
    assert beside.is_same_method
    moved = next(e for e in beside.events if (e.name, e.side) == (LATER.name, LATER.side))
    assert moved.before is not None
    assert moved.after is not None
    assert moved.after.time_s - moved.before.time_s == pytest.approx(0.05, abs=0.002)
    pair = next(
        m for m in beside.metrics if (m.key, m.side, m.event) == ("fppa", Side.LEFT, "initial_contact")
    )
    assert pair.change is not None
    assert pair.change > 3.0  # 16 deg of rise over 0.35 s; 0.05 s after contact a good part has happened
    assert {(m.key, m.side, m.event) for m in beside.metrics} == set(values(now_of(result)))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_undo_when_in_any_order_then_each_is_a_new_analysis_and_all_undone_is_as_automatic(
    desk: Desk, order: tuple[int, ...]
) -> None:
    first = desk.film()
    x, y = TRACK.xy_px[150, Joint.LEFT_KNEE]
    drag = MoveKeypoint(joint=Joint.LEFT_KNEE, frame=150, x_px=float(x) - 12, y_px=float(y))
    at, made = first, []
    for correction in (LATER, drag, SwapSides(first_frame=140, last_frame=145)):
        result = desk.correct(at, correction)
        at = now_of(result).analysis.id
        made.append(result.correction.id)
    seen = {at}
    for n_undone, which in enumerate(order, start=1):
        result = desk.undo(at, made[which])
        assert result.correction.status is CorrectionStatus.UNDONE
        assert result.correction.undone_by is not None
        assert result.correction.undone_by.user_id == desk.club.principal.user_id
        at = now_of(result).analysis.id
        assert at not in seen
        seen.add(at)
        assert len(now_of(result).corrections) == len(made) - n_undone
    assert values(desk.look(at)) == values(desk.look(first))
    assert desk.look(at).automatic_id == at
    assert desk.undo(at, made[0]).replayed
    assert desk.present(desk.look(at).analysis.recording_id) == at


def test_correct_when_two_people_do_it_at_the_same_time_then_the_second_is_told(desk: Desk) -> None:
    first = desk.film()
    etag = desk.look(first).etag

    def one_of_many(_: int) -> str:
        try:
            desk.correct(first, LATER)
        except StaleStateError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(one_of_many, range(4)))
    assert sorted(outcomes) == ["made", "stale_state", "stale_state", "stale_state"]
    with pytest.raises(PreconditionFailedError):
        desk.correct(first, LATER, expected=Expected(tags=frozenset({etag})))
    now = desk.look(desk.present(desk.look(first).analysis.recording_id))
    assert len(now.corrections) == 1
    assert (
        len(
            now_of(
                desk.correct(now.analysis.id, SwapSides(), expected=Expected(tags=frozenset({now.etag})))
            ).corrections
        )
        == 2
    )


def test_correct_when_repeated_with_its_key_then_carried_out_once(desk: Desk) -> None:
    first = desk.film()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: desk.correct(first, LATER, idempotency_key="k-1"), range(4)))
    assert {result.correction.id for result in results} == {results[0].correction.id}
    assert sorted(result.replayed for result in results) == [False, True, True, True]
    assert len({now_of(result).analysis.id for result in results}) == 1
    with pytest.raises(IdempotencyConflictError):
        desk.correct(first, SwapSides(), idempotency_key="k-1")


def test_correct_when_the_video_is_being_read_then_refused_until_it_has_been(desk: Desk) -> None:
    first = desk.film()
    recording_id = desk.look(first).analysis.recording_id
    with desk.uow_factory(desk.club.principal) as uow:
        recordings.requeue_recording(uow=uow, principal=desk.club.principal, recording_id=recording_id)
    with pytest.raises(StaleStateError):
        desk.correct(first, LATER)
    refused: list[str] = []

    def try_meanwhile(path: Path, on_progress: Progress) -> None:
        try:
            desk.correct(first, LATER)
        except StaleStateError as error:
            refused.append(error.code)

    desk.read(recording_id, ScriptedReader(reading=reading_of(TRACK), while_reading=try_meanwhile))
    assert refused == ["stale_state"]
    assert desk.recording(recording_id).corrections == ()
    assert len(now_of(desk.correct(desk.present(recording_id), LATER)).corrections) == 1


def test_reading_when_the_video_is_read_again_then_what_was_put_right_stays_put_right(desk: Desk) -> None:
    first = desk.film()
    swapped = now_of(desk.correct(first, SwapSides(first_frame=140, last_frame=145))).analysis.id
    moved = now_of(desk.correct(swapped, LATER)).analysis.id
    recording_id = desk.look(first).analysis.recording_id

    def read_again(method: Any) -> AnalysisDetail:
        with desk.uow_factory(desk.club.principal) as uow:
            recordings.requeue_recording(uow=uow, principal=desk.club.principal, recording_id=recording_id)
        desk.read(recording_id, ScriptedReader(reading=reading_of(TRACK)), method)
        return desk.look(desk.present(recording_id))

    again = read_again(METHOD)
    assert values(again) == values(desk.look(moved))
    assert (again.origin, again.supersedes_id) == (AnalysisOrigin.VIDEO, moved)
    other_model = read_again(replace(METHOD, model_sha256="c" * 64))
    assert [item.kind for item in other_model.corrections] == [CorrectionKind.MOVE_EVENT]
    assert desk.listed(other_model.analysis.id) == [
        (CorrectionKind.SWAP_SIDES, CorrectionStatus.NOT_APPLICABLE),
        (CorrectionKind.MOVE_EVENT, CorrectionStatus.APPLIED),
    ]
    unmoved = desk.undo(other_model.analysis.id, other_model.corrections[0].id)
    assert now_of(unmoved).corrections == ()


def test_trial_when_dropped_then_it_counts_nowhere_until_that_is_undone(desk: Desk) -> None:
    older = desk.film()
    newer = desk.film()

    def board() -> tuple[UUID | None, bool, int]:
        with desk.uow_factory(desk.club.principal) as uow:
            found = roster.team_dashboard(
                uow=uow, principal=desk.club.principal, team_id=desk.team.id, sort=DashboardSort.NAME
            )
        return found.rows[0].result_recording_id, found.rows[0].flagged, found.counts.n_film_again

    shown = [desk.look(each).analysis.recording_id for each in (older, newer)]
    assert board()[0] == shown[1]
    result = desk.correct(newer, DropTrial(), reason="stepped off with one foot")
    assert now_of(result).analysis.record.verdict is Verdict.INVALID
    assert now_of(result).analysis.record.risk_score is None
    assert (result.recording.state, result.recording.dropped) == (RecordingState.REJECTED, True)
    assert board()[0] == shown[0]
    assert board()[2] == 0
    again = desk.undo(now_of(result).analysis.id, result.correction.id)
    assert (again.recording.state, again.recording.dropped) == (RecordingState.ANALYSED, False)
    assert values(now_of(again)) == values(desk.look(newer))
    assert board()[0] == shown[1]


def test_person_when_another_is_picked_then_the_video_is_read_for_them_and_undo_needs_no_reading(
    desk: Desk, queue: Any
) -> None:
    first = desk.film()
    at = desk.correct(first, LATER)
    queue.jobs.clear()
    pick = PickPerson(frame=30, x_px=200.0, y_px=500.0)
    result = desk.correct(now_of(at).analysis.id, pick)
    assert result.analysis is None
    assert result.correction.status is CorrectionStatus.WAITING
    assert result.recording.state is RecordingState.QUEUED
    assert [job.name for job in queue.jobs] == [ANALYSE_RECORDING]
    _, of_another = drop_jump(fps=120.0, rise_deg=(4.0, 4.0))
    reader = ScriptedReader(reading=reading_of(of_another))
    assert desk.read(result.recording.id, reader) is AttemptResult.ANALYSED
    assert reader.contexts[0].athlete_at == AthletePoint(frame=30, x_px=200.0, y_px=500.0)
    picked = desk.present(result.recording.id)
    assert desk.listed(picked) == [
        (CorrectionKind.MOVE_EVENT, CorrectionStatus.NOT_APPLICABLE),
        (CorrectionKind.PICK_PERSON, CorrectionStatus.APPLIED),
    ]
    on_them = desk.correct(picked, SwapSides())  # judged from their own track
    assert {item.kind for item in now_of(on_them).corrections} == {
        CorrectionKind.PICK_PERSON,
        CorrectionKind.SWAP_SIDES,
    }
    back = desk.undo(now_of(on_them).analysis.id, result.correction.id)
    assert values(now_of(back)) == values(now_of(at))
    assert [item.kind for item in now_of(back).corrections] == [CorrectionKind.MOVE_EVENT]


def test_person_when_it_could_not_be_settled_who_the_athlete_is_then_picking_settles_it(desk: Desk) -> None:
    nobody_clear = replace(reading_of(TRACK), track=None, findings=(make_finding("wrong_person_risk"),))
    first = desk.film(nobody_clear)
    with pytest.raises(InvalidInputError, match="Nobody was followed"):
        desk.correct(first, DropTrial())
    result = desk.correct(first, PickPerson(frame=30, x_px=200.0, y_px=500.0))
    desk.read(result.recording.id, ScriptedReader(reading=reading_of(TRACK)))
    assert desk.recording(result.recording.id).state is RecordingState.ANALYSED
    undone = desk.undo(desk.present(result.recording.id), result.correction.id)
    assert undone.analysis is None  # there never was a track of whoever it is, so the video is read again
    assert undone.correction.status is CorrectionStatus.UNDONE


def test_pictures_when_a_point_was_dragged_then_none_of_the_old_and_new_ones_from_the_track_put_right(
    desk: Desk, queue: Any
) -> None:
    first = desk.film()
    assert desk.look(first).analysis.has_overlay
    queue.jobs.clear()
    x, y = (float(v) for v in TRACK.xy_px[150, Joint.LEFT_KNEE])
    drag = MoveKeypoint(joint=Joint.LEFT_KNEE, frame=150, x_px=x - 12, y_px=y)
    result = desk.correct(first, drag)
    now = now_of(result).analysis
    assert (now.pictures, now.has_overlay, now.still_frames) == (PicturesState.PENDING, False, ())
    assert [job.name for job in queue.jobs] == [DRAW_PICTURES]
    drawn: list[PictureOrder] = []

    class Drawer(ScriptedReader):
        def draw(
            self, order: PictureOrder, *, directory: Path, overlay: bool, on_progress: Progress
        ) -> Pictures:
            drawn.append(order)
            return super().draw(order, directory=directory, overlay=overlay, on_progress=on_progress)

    outcome = draw_pictures(
        analysis_id=now.id,
        organisation_id=desk.club.id,
        uow_factory=desk.uow_factory,
        blobs=desk.blobs,
        reader_factory=Drawer,
        staging_dir=desk.folder,
    )
    assert outcome is DrawResult.DRAWN
    np.testing.assert_allclose(drawn[0].track.xy_px[150, Joint.LEFT_KNEE], (x - 12, y))
    with desk.uow_factory(desk.club.id) as uow:
        stored = uow.analyses.find(organisation_id=desk.club.id, analysis_id=now.id)
    assert stored is not None
    assert stored.files.source_track_key is not None
    as_read = track_from_bytes(desk.blobs.get_bytes(stored.files.source_track_key))
    np.testing.assert_array_equal(as_read.xy_px, TRACK.xy_px)


def test_sides_when_wrong_in_the_whole_clip_then_swapping_gives_what_a_right_reading_gives(
    desk: Desk,
) -> None:
    right = desk.film()
    wrong = desk.film(reading_of(replace(TRACK, xy_px=TRACK.xy_px[:, MIRROR].copy())))
    assert values(now_of(desk.correct(wrong, SwapSides()))) == values(desk.look(right))


def test_correct_when_the_method_has_moved_on_then_the_answer_says_that_two_things_changed(
    desk: Desk,
) -> None:
    first = desk.film()
    result = desk.correct(first, LATER, method=OTHER_METHOD)
    assert result.comparison is not None
    assert not result.comparison.is_same_method
    stamp = now_of(result).analysis.record.method
    assert (stamp.version, stamp.model_sha256) == ("2.0.0", METHOD.model_sha256)


def test_correct_when_it_makes_no_sense_then_refused_and_nothing_is_kept(desk: Desk) -> None:
    first = desk.film()
    with pytest.raises(InvalidInputError) as refusal:
        desk.correct(first, replace(LATER, time_s=99.0))
    assert refusal.value.context["field"] == "time_s"
    assert desk.listed(first) == []
    assert desk.present(desk.look(first).analysis.recording_id) == first


def test_correct_when_the_file_was_no_video_then_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInputError, match="could not be read as a video"):
        desk.correct(desk.film(unreadable()), PickPerson(frame=1, x_px=1.0, y_px=1.0))


def test_correct_when_the_track_is_gone_then_refused_with_what_to_do(desk: Desk) -> None:
    first = desk.film()
    with desk.uow_factory(desk.club.id) as uow:
        stored = uow.analyses.find(organisation_id=desk.club.id, analysis_id=first)
    assert stored is not None
    assert stored.files.track_key is not None
    desk.blobs.delete(stored.files.track_key)
    with pytest.raises(InvalidInputError, match="no longer kept"):
        desk.correct(first, LATER)
    assert desk.listed(first) == []


def test_correct_when_not_allowed_or_anothers_then_refused(desk: Desk, rival: Club) -> None:
    first = desk.film()
    with pytest.raises(ForbiddenError):
        desk.correct(first, LATER, principal=desk.club.as_role(Role.VIEWER))
    with pytest.raises(NotFoundError):
        desk.correct(first, LATER, principal=rival.principal)
    with pytest.raises(NotFoundError):
        desk.undo(first, uuid4())
    another = desk.film()
    made = desk.correct(another, LATER).correction.id
    with pytest.raises(NotFoundError):  # of another recording
        desk.undo(first, made)
    with pytest.raises(NotFoundError), desk.uow_factory(desk.club.principal) as uow:
        corrections.compare_analyses(
            uow=uow, principal=desk.club.principal, analysis_id=first, with_id=another
        )
