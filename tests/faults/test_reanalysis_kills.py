"""kill -9 of the worker in the middle of a team's re-analysis: another goes on, and nothing is made twice."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from app.services import reanalyses
from app.services.process_recording import process_recording
from app.services.recording_intake import receive_recording
from app.services.video_reader import VideoReading
from tests.factories import METHOD, PROBED, ScriptedReader, stage_upload
from tests.support.processes import wait_until
from tests.support.service import Service
from tests.synth import drop_jump, video_of

pytestmark = pytest.mark.faults
N_RECORDINGS = 6


def _film(service: Service) -> list[str]:
    """Return recordings that were analysed with another version of the method."""
    made: list[str] = []
    with service.container() as container:
        principal = service.principal()
        for number in range(N_RECORDINGS):
            _, track = drop_jump(fps=60.0, rise_deg=(4.0 + number, 4.0 + number))
            with container.uow_factory(principal) as uow:
                recording = receive_recording(
                    uow=uow,
                    blobs=container.blobs,
                    principal=principal,
                    upload=stage_upload(container.staging.directory, uuid4().bytes),
                    probed=PROBED,
                ).recording
            process_recording(
                recording_id=recording.id,
                organisation_id=principal.organisation_id,
                uow_factory=container.uow_factory,
                blobs=container.blobs,
                reader_factory=lambda track=track: ScriptedReader(
                    reading=VideoReading(video=replace(video_of(track), sha256="b" * 64), track=track)
                ),
                method=replace(METHOD, version="0.0.1", model_sha256=container.method.model_sha256),
                staging_dir=container.staging.directory,
                overlay=False,
            )
            made.append(str(recording.id))
    return made


def test_worker_when_killed_in_preview_and_in_acceptance_then_every_recording_has_one_new_analysis(
    service: Service,
) -> None:
    filmed = _film(service)
    with service.container() as container:
        principal = service.principal()

        def look() -> reanalyses.ReanalysisView:
            with container.uow_factory(principal) as uow:
                return reanalyses.get_reanalysis(uow=uow, principal=principal, reanalysis_id=reanalysis_id)

        def kill_once(at_least: int, *, what: str) -> None:
            worker = service.start_reanalysis_worker(seconds=0.3)
            wait_until(lambda: _n(look(), what) >= at_least, timeout_s=60, what=what)
            worker.kill()
            worker.wait()
            assert _n(look(), what) < N_RECORDINGS, "the kill came too late to be one"

        with container.uow_factory(principal) as uow:
            reanalysis_id: UUID = reanalyses.start_reanalysis(
                uow=uow, principal=principal, method=container.method, team_id=None
            ).summary.id
        kill_once(2, what="judged")
        worker = service.start_reanalysis_worker(seconds=0.05)
        wait_until(lambda: look().summary.state == "ready", timeout_s=60, what="the preview being whole")
        worker.kill()
        worker.wait()
        with container.uow_factory(principal) as uow:
            reanalyses.accept_reanalysis(uow=uow, principal=principal, reanalysis_id=reanalysis_id)
        kill_once(2, what="accepted")
        service.start_reanalysis_worker(seconds=0.05)
        wait_until(lambda: look().summary.state == "done", timeout_s=60, what="all being accepted")
        assert look().preview.n_accepted == N_RECORDINGS
    assert [service.n_analyses(recording_id) for recording_id in filmed] == [2] * N_RECORDINGS


def _n(view: reanalyses.ReanalysisView, what: str) -> int:
    return view.preview.n_judged if what == "judged" else view.preview.n_accepted
