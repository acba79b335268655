"""Screenings, histories and changes to what REST shows of them."""

from typing import Any

from app.api.schemas.analysis import RiskScoreDocument
from app.api.schemas.roster import AthleteOutput
from app.api.schemas.screenings import (
    AsymmetryOutput,
    ChangeOutput,
    HistoryEntryOutput,
    HistoryMovementOutput,
    HistoryValueOutput,
    MetricChangeOutput,
    MetricOverTrialsOutput,
    MovementBase,
    MovementChangeOutput,
    MovementOutput,
    NormOutput,
    ScreeningChangeOutput,
    ScreeningMetricOutput,
    ScreeningOutput,
    ScreeningRef,
    ScreeningSummaryOutput,
    StandingSourceOutput,
    StaticJudgementOutput,
    StaticOutput,
    TeamNormOutput,
    TrialOutput,
    TrialValueOutput,
)
from app.biomech.change import OBSTACLES, Change, describe_change
from app.biomech.norms import NoNorm, NormResult, describe_norm, describe_team_norm
from app.biomech.screening import MetricOverTrials, SideComparison
from app.biomech.statistics import Interval
from app.biomech.trials import ADVICE
from app.biomech.types import RiskScore
from app.services.analysis_record import rounded_score
from app.services.athlete_history import count_verdicts
from app.services.screening_models import (
    HistoryEntry,
    JudgedMovement,
    MovementChange,
    MovementView,
    ScreeningChange,
    ScreeningMetric,
    ScreeningSummary,
    ScreeningView,
    StaticView,
    TeamNormView,
)


def present_screening(screening: ScreeningView) -> ScreeningOutput:
    """Return a screening whole."""
    return ScreeningOutput(
        id=screening.id,
        athlete=AthleteOutput.model_validate(screening.athlete),
        age_years=screening.age_years,
        screened_on=screening.screened_on,
        context=screening.context,
        created_at=screening.created_at,
        movements=[_movement(movement) for movement in screening.movements],
    )


def present_summary(screening: ScreeningSummary) -> ScreeningSummaryOutput:
    """Return one line of a list of screenings."""
    return ScreeningSummaryOutput(
        id=screening.id,
        athlete=AthleteOutput.model_validate(screening.athlete),
        screened_on=screening.screened_on,
        context=screening.context,
        created_at=screening.created_at,
        movements=[MovementBase(**_base(movement)) for movement in screening.movements],
    )


def present_entry(entry: HistoryEntry) -> HistoryEntryOutput:
    """Return one screening of a history."""
    return HistoryEntryOutput(
        id=entry.id,
        screened_on=entry.screened_on,
        context=entry.context,
        movements=[
            HistoryMovementOutput(
                **_base(item.of),
                breaks=list(item.breaks),
                previous_screening_id=item.previous_screening_id,
                metrics=[
                    HistoryValueOutput(
                        **_place(metric),
                        n_trials=metric.over_trials.n_trials,
                        mean=metric.over_trials.mean,
                        se=metric.over_trials.se,
                    )
                    for metric in item.of.judgement.metrics
                ],
            )
            for item in entry.movements
        ],
    )


def present_change(change: ScreeningChange) -> ScreeningChangeOutput:
    """Return one screening against another."""
    return ScreeningChangeOutput(
        athlete_id=change.athlete_id,
        before=None if change.before is None else ScreeningRef.model_validate(change.before),
        after=None if change.after is None else ScreeningRef.model_validate(change.after),
        movements=[_movement_change(movement) for movement in change.movements],
    )


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)


def _place(metric: MetricOverTrials) -> dict[str, Any]:
    return {"key": metric.key, "side": metric.side, "event": metric.event, "unit": metric.unit}


def _score(score: RiskScore | None) -> RiskScoreDocument | None:
    return None if score is None else RiskScoreDocument.model_validate(rounded_score(score))


def _base(of: MovementView) -> dict[str, Any]:
    conditions = of.conditions
    return {
        "movement": of.movement,
        "method_version": None if conditions is None else conditions.method_version,
        "model_sha256": None if conditions is None else conditions.model_sha256,
        "views": [] if conditions is None else sorted(conditions.views),
        "box_height_cm": of.box_height_cm,
        "mixed_box_heights": of.mixed_box_heights,
        "n_trials": of.judgement.n_trials,
        "risk_score": _score(of.judgement.risk_score),
    }


def _movement(movement: JudgedMovement) -> MovementOutput:
    judgement = movement.of.judgement
    return MovementOutput(
        **_base(movement.of),
        n_recommended=judgement.n_recommended,
        advice=judgement.advice,
        advice_words=ADVICE[judgement.advice],
        trials=[TrialOutput.model_validate(trial) for trial in movement.of.trials],
        metrics=[_metric(metric) for metric in movement.metrics],
        asymmetries=[_asymmetry(side) for side in judgement.sides],
        static=None if movement.static is None else _static(movement.static),
    )


def _metric(item: ScreeningMetric) -> ScreeningMetricOutput:
    over, names = item.metric.over_trials, MetricOverTrialsOutput.model_fields.keys()
    return ScreeningMetricOutput(
        **_place(item.metric),
        **{name: getattr(over, name) for name in names if hasattr(over, name)},
        trials=[TrialValueOutput.model_validate(value) for value in item.metric.values],
        norm=present_norm(item.norm),
        team_norm=_team_norm(item.team_norm),
    )


def present_norm(result: NormResult | NoNorm) -> NormOutput:
    """Return a number beside published ones, or why there are none."""
    words = describe_norm(result)
    if isinstance(result, NoNorm):
        return NormOutput(suitable=False, reason=result.reason, words=words)
    norm = result.norm
    return NormOutput(
        suitable=True,
        words=words,
        position=result.position,
        probability=result.probability,
        band=result.band,
        percentile=result.percentile,
        percentile_interval_90=_ends(result.percentile_interval),
        sex=norm.sex,
        ages=norm.ages,
        level=norm.level,
        n=norm.n,
        landmarks=norm.landmarks,
        source=norm.source,
        caveat=norm.caveat,
        mark=norm.mark,
    )


def _team_norm(view: TeamNormView) -> TeamNormOutput:
    team = {"team_id": view.team_id, "team_name": view.team_name}
    words = describe_team_norm(view.result)
    if isinstance(view.result, NoNorm):
        return TeamNormOutput(suitable=False, reason=view.result.reason, words=words, **team)
    return TeamNormOutput(
        suitable=True,
        words=words,
        n=view.result.n,
        percentile=view.result.percentile,
        interval_95=_ends(view.result.interval_95),
        median=view.result.median,
        **team,
    )


def _asymmetry(side: SideComparison) -> AsymmetryOutput:
    found, index = side.asymmetry, side.limb_symmetry
    return AsymmetryOutput(
        key=side.key,
        event=side.event,
        unit=side.unit,
        verdict=found.verdict,
        difference=found.difference,
        se=found.se,
        interval_95=(found.interval_95.low, found.interval_95.high),
        mdc95=found.mdc95,
        yaw_false=found.yaw_false,
        limit=found.limit,
        larger=found.larger,
        limb_symmetry_percent=None if index is None else index.percent,
        limb_symmetry_interval_95=None if index is None else _ends(index.interval_95),
    )


def _static(static: StaticView) -> StaticOutput:
    return StaticOutput(
        source=None if static.source is None else StandingSourceOutput.model_validate(static.source),
        judgements=[
            StaticJudgementOutput(
                side=found.side,
                valgus_class=found.valgus_class,
                probability=found.probability,
                probabilities=found.probabilities,
                static_deg=found.static_deg,
                static_se_deg=found.static_se_deg,
                fppa_dynamic_excess_deg=found.excess_deg,
                fppa_dynamic_excess_se_deg=found.excess_se_deg,
                fppa_dynamic_excess_interval_95_deg=(
                    found.excess_interval_95.low,
                    found.excess_interval_95.high,
                ),
                words=found.words,
            )
            for found in static.judgements
        ],
    )


def _movement_change(change: MovementChange) -> MovementChangeOutput:
    return MovementChangeOutput(
        movement=change.movement,
        obstacles=list(change.obstacles),
        words=" ".join(OBSTACLES[obstacle] for obstacle in change.obstacles),
        before=None if change.before is None else MovementBase(**_base(change.before)),
        after=None if change.after is None else MovementBase(**_base(change.after)),
        counts=count_verdicts(change),
        score=ChangeOutput(**change_fields(change.score, unit="points")),
        metrics=[
            MetricChangeOutput(
                key=item.key,
                side=item.side,
                event=item.event,
                unit=item.unit,
                **change_fields(item.change, unit=item.unit),
            )
            for item in change.metrics
        ],
    )


def change_fields(change: Change, *, unit: str) -> dict[str, Any]:
    """Return what every change of a number says."""
    return {
        "verdict": change.verdict,
        "obstacles": list(change.obstacles),
        "words": describe_change(change, unit=unit),
        "before": change.before,
        "after": change.after,
        "difference": change.difference,
        "interval_95": _ends(change.interval_95),
        "mdc95": change.mdc95,
        "mdc_source": change.mdc_source,
        "probability_improved": change.probability_improved,
    }
