"""The method as REST shows it: every definition, cut-off and reference with where it comes from."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.api.schemas.base import Output
from app.biomech.types import Movement, Sex, Side, View


class MetricDefinitionOutput(Output):
    """What one key means."""

    key: str
    name: str
    unit: str
    sides: list[Side]
    events: list[str]
    views: list[View]
    movements: list[Movement] | Literal["any"]
    formula: str
    sign_convention: str
    higher_is: str
    target: float | None = Field(description="Where nothing is left to gain.")
    is_ratio_scale: bool
    mark: str = Field(description="V published and read, M from memory of the paper, D derived, P ours.")
    reference: str
    since_version: str
    sem: float | None = Field(description="Published standard error of measurement, in the unit.")
    mdc: float | None = Field(description="Smallest change that is real with 95 % certainty, in the unit.")
    error_source: str


class MetricList(Output):
    """Every number there can be."""

    items: list[MetricDefinitionOutput]


class BandOutput(Output):
    """A range of the score."""

    lower: float
    name: str
    advice: str
    mark: str


class CutoffOutput(Output):
    """One part of the score."""

    key: str
    unit: str
    cutoff: float
    cutoff_by_sex: dict[Sex, float] | None = Field(description="Instead of `cutoff`; never pooled.")
    direction: Literal["at least", "at most"]
    weight: float
    least_se: float
    mark: str
    source: str


class NormEntryOutput(Output):
    """One published reference."""

    key: str
    events: list[str]
    movement: Movement
    sex: Sex
    ages: tuple[int, int]
    level: str
    n: int
    unit: str
    band: tuple[float, float] | None
    mean: float | None
    sd: float | None
    landmarks: str
    source: str
    caveat: str
    mark: str


class PredictiveValueOutput(Output):
    """Share of positives who get injured, at one base rate."""

    base_rate: float
    predictive_value: float


class ScreeningTestOutput(Output):
    """What a positive result would mean if it were taken as a prediction."""

    key: str
    name: str
    predicts: str
    sensitivity: float
    specificity: float
    likelihood_ratio_positive: float
    likelihood_ratio_negative: float
    predictive_values: list[PredictiveValueOutput]
    mark: str
    source: str


class MethodUseOutput(Output):
    """A method version that made results of your organisation."""

    method_version: str
    n_analyses: int
    first_at: datetime
    last_at: datetime
    is_current: bool


class MethodsOutput(Output):
    """The method in use, and which versions made your results."""

    current_version: str
    in_use: list[MethodUseOutput]
    bands: list[BandOutput]
    certain_band: float = Field(description="A band with less probability is called borderline.")
    min_total_coverage: float = Field(description="Least share of the weight that may carry a total.")
    components: list[CutoffOutput]
    norms: list[NormEntryOutput]
    min_team_size: int = Field(description="Athletes from which your own values serve as a norm.")
    recommended_trials: dict[Movement, int]
    screening_tests: list[ScreeningTestOutput]
    marks: dict[str, str]
