"""Single trials, judged over the recordings that saw them.

Nothing here is stored: a trial is put together from stored analyses each time it is asked for, all of one
method version and model, so that a result can neither go stale nor mix versions. Every function takes an
entered `UnitOfWork` made for the principal.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from app.biomech.joined_trial import JoinedTrial, join_trial
from app.biomech.less_items import LimbRule
from app.biomech.nomogram import NomogramInputs, read_nomogram
from app.biomech.quality import make_finding
from app.biomech.types import MethodStamp, Metric, Movement, QualityFinding, Sex, Side, Verdict, View
from app.db.repositories.analyses import StoredAnalysis
from app.db.repositories.screenings import ScreeningRecord, TrialRecording
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import AthleteRecord, LegDominance
from app.domain.audit import Act
from app.domain.errors import InvalidInputError, NotFoundError
from app.services.checks import check_range
from app.services.read_models import AthleteSummary
from app.services.screenings import find_screening, no_screening
from app.services.trial_models import (
    NomogramGap,
    NomogramView,
    TrialPart,
    TrialResultView,
)
from app.services.trial_views import view_of

LESS_MOVEMENTS: Final = (Movement.JUMP_LANDING, Movement.DROP_VERTICAL_JUMP)
"""The LESS was made for the jump-landing; the drop vertical jump shows the same items."""
ANALYSES_LOOKED_AT: Final = 20

Seen = tuple[TrialRecording, Sequence[StoredAnalysis]]
"""A recording of a trial, and its usable analyses, newest first."""


def get_trial(
    *,
    uow: UnitOfWork,
    principal: Principal,
    trial_id: UUID,
    limb_rule: LimbRule = LimbRule.EITHER,
    cue_s: tuple[float, float] | None = None,
    cue: str = "clap",
) -> TrialResultView:
    """Return a trial judged over its recordings, or raise `NotFoundError`."""
    principal.require(Permission.RESULTS_READ)
    recordings = uow.screenings.recordings_of_trial(
        organisation_id=principal.organisation_id, trial_id=trial_id
    )
    if not recordings:
        raise no_trial()
    screening = find_screening(uow=uow, principal=principal, screening_id=recordings[0].screening_id)
    athlete = athlete_of(uow, principal, screening)
    seen = usable_analyses(uow, principal, recordings)
    chosen, findings = choose_analyses(seen)
    judgement = judge_trial(seen, chosen, athlete=athlete, limb_rule=limb_rule, cue_s=cue_s, cue=cue)
    if judgement is not None and judgement.join is not None:
        findings = (*findings, *judgement.join.findings)
    uow.audit.record_reading(actor=principal, act=Act.SCREENING_READ, object_id=screening.id)
    first = recordings[0]
    return TrialResultView(
        id=trial_id,
        number=first.number,
        movement=first.movement,
        screening_id=screening.id,
        athlete=AthleteSummary(**{n: getattr(athlete, n) for n in AthleteSummary.__dataclass_fields__}),
        screened_on=screening.screened_on,
        context=screening.context,
        parts=tuple(_part(recording, analyses, chosen) for recording, analyses in seen),
        method=stamp_of(chosen),
        judgement=judgement,
        has_less=first.movement in LESS_MOVEMENTS,
        findings=findings,
    )


def read_trial_nomogram(
    *,
    uow: UnitOfWork,
    principal: Principal,
    trial_id: UUID,
    tibia_cm: float | None = None,
    mass_kg: float | None = None,
    quad_ham_ratio: float | None = None,
    side: Side = Side.BOTH,
) -> NomogramView:
    """Return the nomogram's read-out of a trial that both cameras saw, or what it lacks.

    Mass comes from the roster unless it is given. Raises `NotFoundError`, and `InvalidInputError` for a
    number that no body has.
    """
    check_range(tibia_cm, field="tibia_cm", low=15.0, high=70.0)
    check_range(mass_kg, field="mass_kg", low=10.0, high=300.0)
    check_range(quad_ham_ratio, field="quad_ham_ratio", low=0.2, high=6.0)
    trial = get_trial(uow=uow, principal=principal, trial_id=trial_id)
    athlete = uow.athletes.find(organisation_id=principal.organisation_id, athlete_id=trial.athlete.id)
    if athlete is None:
        raise no_trial()
    mass = athlete.mass_kg if mass_kg is None else mass_kg
    valgus = _seen_by_both(trial, NomogramGap.VALGUS_MOTION, side)
    flexion = _seen_by_both(trial, NomogramGap.FLEXION, None)
    have: dict[NomogramGap, object] = {
        NomogramGap.NOT_FEMALE: True if athlete.sex is Sex.FEMALE else None,
        NomogramGap.TIBIA: tibia_cm,
        NomogramGap.MASS: mass,
        NomogramGap.VALGUS_MOTION: valgus,
        NomogramGap.FLEXION: flexion,
    }
    gaps = tuple(gap for gap, value in have.items() if value is None)
    inputs = None
    if tibia_cm is not None and mass is not None and valgus is not None and flexion is not None:
        inputs = NomogramInputs(
            tibia_cm=tibia_cm,
            mass_kg=mass,
            valgus_motion_cm=valgus.value or 0.0,
            flexion_rom_deg=flexion.value or 0.0,
            quad_ham_ratio=quad_ham_ratio,
            valgus_motion_se_cm=valgus.se or 0.0,
            flexion_rom_se_deg=flexion.se or 0.0,
        )
    return NomogramView(
        trial_id=trial_id,
        reading=None if inputs is None else read_nomogram(inputs, sex=athlete.sex),
        gaps=gaps,
        inputs=inputs,
        mass_from_roster=mass_kg is None and mass is not None,
    )


def _seen_by_both(trial: TrialResultView, key: str, side: Side | None) -> Metric | None:
    """Return a number of a trial whose views were joined, of one side or of any; None when it is not there."""
    if trial.judgement is None or not trial.judgement.is_joined:
        return None
    return next((m for m in trial.judgement.metrics if m.key == key and side in (None, m.side)), None)


def choose_analyses(
    seen: Sequence[Seen],
) -> tuple[dict[UUID, StoredAnalysis], tuple[QualityFinding, ...]]:
    """Return the analysis of each recording that a trial is judged from, and what to know about the choice.

    The newest method version and model that every analysed recording has a usable result of. Where they
    share none, the recordings from the front that the newest version measured stand alone, else the newest.
    """
    known = [(recording, analyses) for recording, analyses in seen if analyses]
    if not known:
        return {}, ()
    shared = set.intersection(*({_key(a) for a in analyses} for _, analyses in known))
    findings: tuple[QualityFinding, ...] = ()
    if not shared:
        findings = (make_finding("views_of_different_methods"),)
        fronts = [item for item in known if item[0].view is View.FRONTAL] or known
        newest = max((analyses[0] for _, analyses in fronts), key=lambda a: (a.created_at, a.id))
        known = [(recording, analyses) for recording, analyses in fronts if _key(analyses[0]) == _key(newest)]
        shared = {_key(newest)}
    stamp = max(
        (analysis for _, analyses in known for analysis in analyses if _key(analysis) in shared),
        key=lambda analysis: (analysis.created_at, analysis.id),
    )
    return {
        recording.recording_id: next(a for a in analyses if _key(a) == _key(stamp))
        for recording, analyses in known
    }, findings


def _key(analysis: StoredAnalysis) -> tuple[str, str]:
    return analysis.content.method.version, analysis.content.method.model_sha256


def same_method(one: MethodStamp, other: MethodStamp) -> bool:
    """Return whether two results were made by one version and one model."""
    return (one.version, one.model_sha256) == (other.version, other.model_sha256)


def usable_analyses(
    uow: UnitOfWork, principal: Principal, recordings: Sequence[TrialRecording]
) -> list[Seen]:
    """Return each recording with its usable analyses; one whose newest is unusable has none."""
    found: list[Seen] = []
    for recording in recordings:
        analyses = uow.analyses.list_newest(
            organisation_id=principal.organisation_id,
            recording_id=recording.recording_id,
            before=None,
            limit=ANALYSES_LOOKED_AT,
        )
        if analyses and analyses[0].content.verdict is Verdict.INVALID:
            analyses = []
        found.append((recording, [a for a in analyses if a.content.verdict is not Verdict.INVALID]))
    return found


def judge_trial(
    seen: Sequence[Seen],
    chosen: Mapping[UUID, StoredAnalysis],
    *,
    athlete: AthleteRecord,
    limb_rule: LimbRule,
    cue_s: tuple[float, float] | None = None,
    cue: str = "clap",
) -> JoinedTrial | None:
    """Return the trial judged from the chosen analyses, None without one."""
    if not chosen:
        return None
    dominant = {LegDominance.LEFT: Side.LEFT, LegDominance.RIGHT: Side.RIGHT}.get(
        athlete.leg_dominance or LegDominance.BOTH
    )
    if limb_rule is LimbRule.DOMINANT and dominant is None:
        raise InvalidInputError(
            "Which leg is the dominant one is not known.",
            how_to_fix="Enter it on the athlete's page, or ask for the rule of either leg.",
            field="limb_rule",
        )
    return join_trial(
        [
            view_of(recording.view, chosen[recording.recording_id])
            for recording, _ in seen
            if recording.recording_id in chosen
        ],
        sex=athlete.sex,
        limb_rule=limb_rule,
        dominant=dominant if limb_rule is LimbRule.DOMINANT else None,
        cue_s=cue_s,
        cue=cue,
    )


def _part(
    recording: TrialRecording, analyses: Sequence[StoredAnalysis], chosen: Mapping[UUID, StoredAnalysis]
) -> TrialPart:
    used = chosen.get(recording.recording_id)
    shown = used or (analyses[0] if analyses else None)
    return TrialPart(
        recording_id=recording.recording_id,
        view=recording.view,
        state=recording.state,
        verdict=None if shown is None else shown.content.verdict,
        method_version=None if shown is None else shown.content.method.version,
        analysis_id=None if used is None else used.id,
    )


def stamp_of(chosen: Mapping[UUID, StoredAnalysis]) -> MethodStamp | None:
    """Return what the chosen analyses were made with, None without one."""
    return next((analysis.content.method for analysis in chosen.values()), None)


def athlete_of(uow: UnitOfWork, principal: Principal, screening: ScreeningRecord) -> AthleteRecord:
    """Return the athlete of a screening, or raise `NotFoundError`."""
    athlete = uow.athletes.find(organisation_id=principal.organisation_id, athlete_id=screening.athlete_id)
    if athlete is None:
        raise no_screening()
    return athlete


def no_trial() -> NotFoundError:
    """Return the answer to an id that is unknown here, or somebody else's."""
    return NotFoundError("There is no such trial.", how_to_fix="Choose one of your own trials.")
