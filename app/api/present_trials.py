"""Trials, the LESS and the nomogram to what REST shows of them."""

from math import isfinite

from app.api.present_screenings import change_fields, present_norm
from app.api.schemas.analysis import FindingDocument, MethodDocument, MetricDocument, RiskScoreDocument
from app.api.schemas.roster import AthleteOutput
from app.api.schemas.trials import (
    JoinOutput,
    LessChangeOutput,
    LessItemOutput,
    LessOutput,
    NomogramInputsOutput,
    NomogramOutput,
    NomogramReadingOutput,
    RealTimeItemOutput,
    RealTimeOutput,
    ScreeningLessOutput,
    SubScoreOutput,
    TrialLessOutput,
    TrialPartOutput,
    TrialResultOutput,
)
from app.biomech.less import LessScore
from app.biomech.less_change import UNIT, describe_less_change
from app.biomech.less_rt import RealTimeScore
from app.biomech.two_views import Join
from app.biomech.types import MethodStamp
from app.services.analysis_record import rounded_metric, rounded_score
from app.services.trial_models import NomogramView, ScreeningLessView, TrialResultView


def present_trial(trial: TrialResultView) -> TrialResultOutput:
    """Return a trial whole."""
    judgement = trial.judgement
    score = None if judgement is None else judgement.risk_score
    return TrialResultOutput(
        id=trial.id,
        number=trial.number,
        movement=trial.movement,
        screening_id=trial.screening_id,
        athlete=AthleteOutput.model_validate(trial.athlete),
        screened_on=trial.screened_on,
        context=trial.context,
        recordings=[TrialPartOutput.model_validate(part) for part in trial.parts],
        method=_method(trial.method),
        join=None if judgement is None or judgement.join is None else _join(judgement.join),
        findings=[FindingDocument.model_validate(f, from_attributes=True) for f in trial.findings],
        metrics=[
            MetricDocument.model_validate(rounded_metric(metric))
            for metric in (() if judgement is None else judgement.metrics)
        ],
        risk_score=None if score is None else RiskScoreDocument.model_validate(rounded_score(score)),
        less=present_less(judgement.less) if judgement is not None and trial.has_less else None,
    )


def present_less(score: LessScore) -> LessOutput:
    """Return the LESS with every item."""
    return LessOutput(
        total=score.total,
        expected_total=score.expected_total,
        total_sd=score.total_sd,
        p_five_or_more=score.p_five_or_more,
        category=score.category,
        sub_scores=[SubScoreOutput.model_validate(sub) for sub in score.sub_scores],
        n_seen=score.n_seen,
        n_trials=score.n_trials,
        limb_rule=score.limb_rule,
        dominant=score.dominant,
        sem=score.sem,
        mdc=score.mdc,
        items=[LessItemOutput.model_validate(item) for item in score.items],
    )


def present_screening_less(less: ScreeningLessView) -> ScreeningLessOutput:
    """Return the LESS over the trials of a screening."""
    now, change = less.now, less.change
    return ScreeningLessOutput(
        screening_id=less.screening_id,
        movement=less.movement,
        method=_method(now.method),
        n_other_versions=now.n_other_versions,
        less=None if now.combined is None else present_less(now.combined),
        real_time=None if now.real_time is None else _real_time(now.real_time),
        norm=present_norm(less.norm),
        change=LessChangeOutput(
            **change_fields(change.change, unit=UNIT) | {"words": describe_less_change(change)},
            previous_screening_id=less.previous_screening_id,
            category_before=change.category_before,
            category_after=change.category_after,
            category_changed=change.category_changed,
        ),
        trials=[
            TrialLessOutput(trial_id=trial.trial_id, number=trial.number, less=present_less(trial.score))
            for trial in now.trials
        ],
    )


def present_nomogram(view: NomogramView) -> NomogramOutput:
    """Return the nomogram's read-out."""
    reading, inputs = view.reading, view.inputs
    return NomogramOutput(
        trial_id=view.trial_id,
        reading=None if reading is None else NomogramReadingOutput.model_validate(reading),
        gaps=list(view.gaps),
        inputs=None if inputs is None else NomogramInputsOutput.model_validate(inputs),
        mass_from_roster=view.mass_from_roster,
    )


def _method(stamp: MethodStamp | None) -> MethodDocument | None:
    return None if stamp is None else MethodDocument.model_validate(stamp, from_attributes=True)


def _join(join: Join) -> JoinOutput:
    return JoinOutput(
        joined=join.is_joined,
        source=join.source,
        offset_s=_known(join.offset_s),
        offset_sd_s=_known(join.offset_sd_s),
        residual_ms=_known(join.residual_ms),
        n_events=join.n_events,
        clock_rate=_known(join.rate),
        clock_rate_sd=_known(join.rate_sd),
    )


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


def _real_time(score: RealTimeScore) -> RealTimeOutput:
    return RealTimeOutput(
        total=score.total,
        expected_total=score.expected_total,
        n_seen=score.n_seen,
        sem=score.sem,
        items=[RealTimeItemOutput.model_validate(item) for item in score.items],
    )
