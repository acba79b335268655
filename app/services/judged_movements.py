"""The movements of screenings, judged over their valid trials once and kept for whoever reads them next.

What is kept holds for what was judged: for these trials, recordings and analyses, and for the method of this version.
Anything else is judged anew when it is read, so no change of a result, from whatever side, can leave a number behind.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json

from app.biomech.change import Conditions
from app.biomech.joined_trial import join_trial
from app.biomech.method import METHOD_VERSION
from app.biomech.screening import TrialResult, judge_movement, merge_views
from app.biomech.types import Movement, Verdict
from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.screenings import KeptJudgement, ScreeningRecord, TrialRecording
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.screenings import ScreeningContext
from app.services.screening_models import MovementView, TrialRecordingView, TrialView
from app.services.trial_views import view_of

_log = logging.getLogger(__name__)

SHAPE = 1
"""Of what is kept; counted up when `MovementView`, or anything in it, gets other fields."""
DROPPED = "trial_dropped"
"""The finding of a trial that a person left out."""

Seen = tuple[TrialRecording, StoredAnalysis | None]
"""A recording of a trial, and its latest analysis."""

_MOVEMENTS = TypeAdapter(tuple[MovementView, ...])


def load_movements(
    *, uow: UnitOfWork, organisation_id: UUID, screenings: Sequence[ScreeningRecord]
) -> dict[UUID, tuple[MovementView, ...]]:
    """Return the movements of each screening, judged over the valid trials; few queries however many there are.

    Only screenings of which something changed since are judged; the result is kept in this transaction. Where
    results are withheld, what one may see depends on who reads, and nothing is kept.
    """
    recordings: dict[UUID, list[TrialRecording]] = {screening.id: [] for screening in screenings}
    for recording in uow.screenings.recordings_of(
        organisation_id=organisation_id, screening_ids=list(recordings)
    ):
        recordings[recording.screening_id].append(recording)
    inputs = {screening.id: _inputs_sha256(screening, recordings[screening.id]) for screening in screenings}
    kept = uow.screenings.judgements_of(organisation_id=organisation_id, screening_ids=list(recordings))
    found = {
        each.screening_id: _MOVEMENTS.validate_json(each.content)
        for each in kept.values()
        if each.inputs_sha256 == inputs[each.screening_id]
    }
    missing = [screening for screening in screenings if screening.id not in found]
    if not missing:
        return found
    analyses = uow.analyses.latest_of(
        organisation_id=organisation_id,
        recording_ids=[each.recording_id for screening in missing for each in recordings[screening.id]],
    )
    keep = []
    for screening in missing:
        seen = [(each, analyses.get(each.recording_id)) for each in recordings[screening.id]]
        found[screening.id] = _movements(screening.context, seen)
        if all(_is_as_counted(*one) for one in seen):
            content = to_json(found[screening.id], inf_nan_mode="constants").decode()
            keep.append(
                KeptJudgement(screening_id=screening.id, inputs_sha256=inputs[screening.id], content=content)
            )
    uow.screenings.keep_judgements(organisation_id=organisation_id, judgements=keep)
    return found


def judge_ahead(*, uow_factory: UnitOfWorkFactory, organisation_id: UUID, recording_id: UUID) -> None:
    """Judge the screening of a recording that was just analysed, so that its first reader need not wait.

    In a transaction of its own: the result stands whatever becomes of this, and is judged when it is read.
    """
    try:
        with uow_factory(organisation_id) as uow:
            screening = uow.screenings.find_of_recording(
                organisation_id=organisation_id, recording_id=recording_id
            )
            if screening is not None:
                load_movements(uow=uow, organisation_id=organisation_id, screenings=[screening])
    except Exception:  # noqa: BLE001 the result is recorded, and its reader will say what is wrong with judging it
        _log.exception("could not judge the screening of recording %s ahead", recording_id)


def _inputs_sha256(screening: ScreeningRecord, recordings: Sequence[TrialRecording]) -> bytes:
    """Return what a judgement depends on, as a digest. Analyses never change, so their ids stand for them."""
    parts = [
        (
            str(each.trial_id), each.number, each.movement, str(each.recording_id), each.view, each.box_height_cm,
            each.state, each.withheld, str(each.analysis_id),
        )
        for each in recordings
    ]  # fmt: skip
    text = json.dumps([SHAPE, METHOD_VERSION, screening.context, parts])
    return hashlib.sha256(text.encode()).digest()


def _is_as_counted(recording: TrialRecording, analysis: StoredAnalysis | None) -> bool:
    """Return whether the analysis that was judged is the one its digest names: another may have come in between."""
    analysis_id = None if analysis is None else analysis.id
    return recording.withheld == 0 and analysis_id == recording.analysis_id


def _movements(context: ScreeningContext, seen: Sequence[Seen]) -> tuple[MovementView, ...]:
    views = [
        _movement(movement, context, list(group))
        for movement, group in groupby(seen, key=lambda one: one[0].movement)
    ]
    return tuple(sorted(views, key=lambda view: list(Movement).index(view.movement)))


def _movement(movement: Movement, context: ScreeningContext, seen: Sequence[Seen]) -> MovementView:
    """Return one movement over those of its valid trials that the newest method version measured."""
    usable = [analysis for _, analysis in seen if analysis is not None and _is_usable(analysis)]
    newest = max(usable, key=lambda analysis: (analysis.created_at, analysis.id), default=None)
    stamp = None if newest is None else newest.content.method
    version = None if stamp is None else stamp.version
    trials = [(list(group), number) for number, group in groupby(seen, key=lambda one: one[0].number)]
    views = tuple(_trial(group, version=version) for group, _ in trials)
    counted = [group for (group, _), view in zip(trials, views, strict=True) if view.counts]
    used = [
        (recording, analysis)
        for group in counted
        for recording, analysis in group
        if analysis is not None and _counts(analysis, version)
    ]
    boxes = {recording.box_height_cm for recording, _ in used}
    conditions = (
        None
        if stamp is None
        else Conditions(
            movement=movement,
            views=frozenset(recording.view for recording, _ in used),
            box_height_cm=boxes.pop() if len(boxes) == 1 else float("nan"),
            context=context.value,
            method_version=stamp.version,
            model_sha256=stamp.model_sha256,
        )
    )
    return MovementView(
        movement=movement,
        conditions=conditions,
        trials=views,
        judgement=judge_movement([_result(group, version) for group in counted], movement=movement),
    )


def _is_usable(analysis: StoredAnalysis) -> bool:
    return analysis.content.verdict is not Verdict.INVALID


def _counts(analysis: StoredAnalysis, version: str | None) -> bool:
    return _is_usable(analysis) and analysis.content.method.version == version


def _trial(seen: Sequence[Seen], *, version: str | None) -> TrialView:
    analyses = [analysis for _, analysis in seen if analysis is not None]
    why_not = None
    if not analyses:
        why_not = "not_analysed"
    elif any(finding.code == DROPPED for analysis in analyses for finding in analysis.content.findings):
        why_not = "left_out"
    elif not any(_is_usable(analysis) for analysis in analyses):
        why_not = "invalid"
    elif not any(_counts(analysis, version) for analysis in analyses):
        why_not = "other_method_version"
    first = seen[0][0]
    return TrialView(
        id=first.trial_id,
        number=first.number,
        counts=why_not is None,
        why_not=why_not,
        recordings=tuple(
            TrialRecordingView(
                id=recording.recording_id,
                view=recording.view,
                state=recording.state,
                verdict=None if analysis is None else analysis.content.verdict,
                method_version=None if analysis is None else analysis.content.method.version,
            )
            for recording, analysis in seen
        ),
    )


def _result(seen: Sequence[Seen], version: str | None) -> TrialResult:
    """Return what a trial showed in all its views, put together where they show the same trial.

    Without two views the score is that of the recording with the most of it.
    """
    counted = [
        (recording.view, analysis)
        for recording, analysis in seen
        if analysis is not None and _counts(analysis, version)
    ]
    contents = [analysis.content for _, analysis in counted]
    scores = [content.risk_score for content in contents if content.risk_score is not None]
    repeated = [metric for content in contents for metric in content.metrics if metric.repetition is not None]
    if len({view for view, _ in counted}) > 1:
        joined = join_trial([view_of(view, analysis) for view, analysis in counted])
        return TrialResult(
            number=seen[0][0].number, metrics=(*joined.metrics, *repeated), risk_score=joined.risk_score
        )
    return TrialResult(
        number=seen[0][0].number,
        metrics=(*merge_views(content.metrics for content in contents), *repeated),
        risk_score=max(scores, key=lambda score: score.coverage, default=None),
    )
