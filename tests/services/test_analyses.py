"""Results come back exactly as they were found."""

import numpy as np
import pytest

from app.biomech.quality import make_finding
from app.db.repositories.analyses import AnalysisFiles
from app.db.types import new_id
from app.domain.errors import NotFoundError
from app.domain.lifecycle import Trigger
from app.services import analyses
from app.services.analysis_record import analysis_document
from app.services.presenters import analysis_content
from app.services.process_recording import process_recording
from app.services.recordings import requeue_recording
from app.services.work_policy import WorkPolicy
from app.storage.tracks import kinematics_to_bytes
from tests.factories import (
    METHOD,
    REJECTED,
    ScriptedReader,
    finish_recording,
    make_kinematics,
    make_record,
    make_recording,
    unreadable,
)


@pytest.fixture
def recording_id(uow_factory, blobs, club, tmp_path):
    return make_recording(uow_factory, blobs, club, folder=tmp_path).recording.id


@pytest.fixture
def get(uow_factory, club):
    def run(recording_id, principal=club.principal):
        with uow_factory(principal.organisation_id) as uow:
            return analyses.get_analysis(uow=uow, principal=principal, recording_id=recording_id)

    return run


@pytest.mark.parametrize(
    "record",
    [
        make_record(),
        make_record(
            score=None, findings=(make_finding("fps_low", frame=3), make_finding("view_not_frontal"))
        ),
        REJECTED,
    ],
)
def test_analysis_when_read_back_then_equal_to_the_last_bit(uow_factory, club, recording_id, get, record):
    analysis_id = finish_recording(uow_factory, club, recording_id, record=record)
    view = get(recording_id)
    assert (view.id, view.recording_id, view.record) == (analysis_id, recording_id, record)
    assert view.still_frames == (20,)
    assert not view.has_overlay
    assert analysis_document(view.record) == analysis_document(record)


def test_analysis_when_the_file_was_no_video_then_there_is_no_video_in_it(
    uow_factory, club, recording_id, get, blobs, tmp_path
):
    process_recording(
        recording_id=recording_id,
        organisation_id=club.id,
        uow_factory=uow_factory,
        blobs=blobs,
        reader_factory=lambda: ScriptedReader(reading=unreadable()),
        method=METHOD,
        staging_dir=tmp_path,
        policy=WorkPolicy(),
    )
    assert get(recording_id).record.video is None


def test_analysis_when_there_is_none_yet_or_it_is_anothers_then_not_found(
    uow_factory, club, rival, recording_id, get
):
    with pytest.raises(NotFoundError):
        get(recording_id)
    finish_recording(uow_factory, club, recording_id)
    with pytest.raises(NotFoundError):
        get(recording_id, rival.principal)
    with pytest.raises(NotFoundError), uow_factory(rival.id) as uow:
        analyses.list_analyses(uow=uow, principal=rival.principal, recording_id=recording_id)


def test_analyses_when_analysed_anew_then_all_are_kept_newest_first(uow_factory, club, recording_id):
    made = [finish_recording(uow_factory, club, recording_id)]
    for _ in range(4):
        with uow_factory(club.id) as uow:
            requeue_recording(uow=uow, principal=club.principal, recording_id=recording_id)
        made.append(finish_recording(uow_factory, club, recording_id))
    found, cursor = [], None
    while True:
        with uow_factory(club.id) as uow:
            page = analyses.list_analyses(
                uow=uow, principal=club.principal, recording_id=recording_id, cursor=cursor, limit=2
            )
        found += [view.id for view in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == made[::-1]


def test_kinematics_when_stored_then_read_back_and_hidden_from_others(
    uow_factory, club, rival, recording_id, blobs
):
    kinematics, analysis_id = make_kinematics(), new_id()
    key = f"{club.id}/{recording_id}/{analysis_id}/kinematics.npz"
    blobs.put_bytes(key, kinematics_to_bytes(kinematics))
    with uow_factory(club.id) as uow:
        claim = uow.recordings.claim(recording_id, lease_s=60.0, max_attempts=3)
        uow.recordings.finish(claim, trigger=Trigger.ASSESSED)
        uow.analyses.add(
            organisation_id=club.id,
            analysis_id=analysis_id,
            claim=claim,
            input_sha256="b" * 64,
            content=analysis_content(make_record()),
            files=AnalysisFiles(kinematics_key=key),
        )

    def get_kinematics(principal):
        with uow_factory(principal.organisation_id) as uow:
            return analyses.get_kinematics(
                uow=uow, blobs=blobs, principal=principal, recording_id=recording_id
            )

    found = get_kinematics(club.principal)
    assert list(found.series) == list(kinematics.series)
    for name, values in kinematics.series.items():
        np.testing.assert_array_equal(found.series[name], values)  # stored, not computed: equal to the bit
    with pytest.raises(NotFoundError):
        get_kinematics(rival.principal)
    blobs.delete(key)
    with pytest.raises(NotFoundError, match="no longer kept"):
        get_kinematics(club.principal)


def test_kinematics_when_nothing_was_measured_then_not_found(uow_factory, club, recording_id, blobs):
    finish_recording(uow_factory, club, recording_id, record=REJECTED)
    with pytest.raises(NotFoundError, match="no curves"), uow_factory(club.id) as uow:
        analyses.get_kinematics(uow=uow, blobs=blobs, principal=club.principal, recording_id=recording_id)
