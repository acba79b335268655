"""Tasks that analyse: parse ids, call a service. Pictures are drawn beside the slots."""

from functools import partial
from uuid import UUID

import structlog
from celery import Celery

from app.jobs import names
from app.services.draw_pictures import DrawResult, draw_pictures
from app.services.process_recording import AttemptResult, process_next
from app.services.retention import settle_recording
from app.services.run_reanalysis import SliceResult, run_reanalysis
from workers.beside import Beside
from workers.bootstrap import Runtime

PICTURE_THREADS = 1
"""Recordings that a worker draws at the same time."""

_log = structlog.get_logger(__name__)


def analyse_next(runtime: Runtime) -> AttemptResult:
    """Make one attempt at the recording whose turn it is; the message was a hint that one waits, no more."""
    container = runtime.container
    result, turn = process_next(
        uow_factory=container.uow_factory,
        blobs=container.blobs,
        reader_factory=runtime.reader_factory,
        method=runtime.method,
        staging_dir=container.staging.directory,
        policy=container.policy,
    )
    if turn is None:
        return result
    _log.info("attempt_ended", recording_id=str(turn.recording_id), outcome=result.value)
    settle_recording(
        uow_factory=container.uow_factory,
        blobs=container.blobs,
        organisation_id=turn.organisation_id,
        recording_id=turn.recording_id,
    )
    return result


def draw_analysis_pictures(runtime: Runtime, analysis_id: str, organisation_id: str) -> DrawResult:
    """Make one attempt at the pictures of an analysis that nobody is drawing."""
    result = draw_pictures(
        analysis_id=UUID(analysis_id),
        organisation_id=UUID(organisation_id),
        uow_factory=runtime.container.uow_factory,
        blobs=runtime.container.blobs,
        reader_factory=runtime.drawer_factory,
        staging_dir=runtime.container.staging.directory,
        policy=runtime.container.policy,
    )
    _log.info("pictures_ended", analysis_id=analysis_id, outcome=result.value)
    return result


def reanalyse(runtime: Runtime, reanalysis_id: str, organisation_id: str) -> SliceResult:
    """Work on a re-analysis for a short while; a second delivery finds it held."""
    result = run_reanalysis(
        reanalysis_id=UUID(reanalysis_id),
        organisation_id=UUID(organisation_id),
        uow_factory=runtime.container.uow_factory,
        blobs=runtime.container.blobs,
        reader_factory=runtime.reader_factory,
        method=runtime.method,
        staging_dir=runtime.container.staging.directory,
        policy=runtime.container.policy,
    )
    _log.info("reanalysis_slice_ended", reanalysis_id=reanalysis_id, outcome=result.value)
    return result


def register_analysis(app: Celery, runtime: Runtime, beside: Beside) -> None:
    """Put the tasks into the app's registry."""

    def run(recording_id: str, organisation_id: str) -> None:
        del recording_id, organisation_id  # whose job was lost, or whose turn it is, the database knows
        analyse_next(runtime)

    def draw(analysis_id: str, organisation_id: str) -> None:
        beside.do(analysis_id, partial(draw_analysis_pictures, runtime, analysis_id, organisation_id))

    def judge_anew(reanalysis_id: str, organisation_id: str) -> None:
        reanalyse(runtime, reanalysis_id, organisation_id)

    app.task(name=names.REANALYSE, shared=False)(judge_anew)
    app.task(name=names.ANALYSE_RECORDING, shared=False)(run)
    app.task(name=names.DRAW_PICTURES, shared=False)(draw)
