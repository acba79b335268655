"""The method to what REST shows of it."""

from collections.abc import Sequence

from app.api.schemas.method import (
    BandOutput,
    CutoffOutput,
    MethodsOutput,
    MethodUseOutput,
    NormEntryOutput,
    PredictiveValueOutput,
    ScreeningTestOutput,
)
from app.biomech.evidence import BASE_RATES, SCREENING_TESTS, ScreeningTest
from app.biomech.method import (
    BANDS,
    CERTAIN_BAND,
    COMPONENTS,
    FPPA_CUTOFF_DEG,
    METHOD_VERSION,
    MIN_TOTAL_COVERAGE,
)
from app.biomech.norms import MIN_TEAM_SIZE, PUBLISHED
from app.biomech.trials import recommended_trials
from app.biomech.types import Movement
from app.db.repositories.screenings import MethodUse

MARKS = {
    "V": "published and read",
    "M": "from memory of the named paper; to be confirmed by a clinician",
    "D": "derived or measured by us",
    "P": "our proposal without a published threshold; never a clinical cut-off",
}


def present_methods(in_use: Sequence[MethodUse]) -> MethodsOutput:
    """Return the method with where everything in it comes from."""
    return MethodsOutput(
        current_version=METHOD_VERSION,
        in_use=[
            MethodUseOutput(
                method_version=use.method_version,
                n_analyses=use.n_analyses,
                first_at=use.first_at,
                last_at=use.last_at,
                is_current=use.method_version == METHOD_VERSION,
            )
            for use in in_use
        ],
        bands=[BandOutput(lower=b.lower, name=b.name, advice=b.advice, mark="P") for b in BANDS],
        certain_band=CERTAIN_BAND,
        min_total_coverage=MIN_TOTAL_COVERAGE,
        components=[
            CutoffOutput(
                key=key,
                unit=part.unit,
                cutoff=part.cutoff,
                cutoff_by_sex=FPPA_CUTOFF_DEG if key == "fppa" else None,
                direction="at least" if part.direction > 0 else "at most",
                weight=part.weight,
                least_se=part.se,
                mark=part.mark,
                source=part.source,
            )
            for key, part in COMPONENTS.items()
        ],
        norms=[NormEntryOutput.model_validate(norm) for norm in PUBLISHED],
        min_team_size=MIN_TEAM_SIZE,
        recommended_trials={movement: recommended_trials(movement) for movement in Movement},
        screening_tests=[_test(test) for test in SCREENING_TESTS],
        marks=MARKS,
    )


def _test(test: ScreeningTest) -> ScreeningTestOutput:
    return ScreeningTestOutput(
        key=test.key,
        name=test.name,
        predicts=test.predicts,
        sensitivity=test.sensitivity,
        specificity=test.specificity,
        likelihood_ratio_positive=round(test.likelihood_ratio_positive, 2),
        likelihood_ratio_negative=round(test.likelihood_ratio_negative, 2),
        predictive_values=[
            PredictiveValueOutput(base_rate=rate, predictive_value=round(test.predictive_value(rate), 4))
            for rate in BASE_RATES
        ],
        mark=test.mark,
        source=test.source,
    )
