"""On what occasion an athlete is screened."""

from enum import StrEnum


class ScreeningContext(StrEnum):
    """Why the athlete is filmed; results of different contexts are not one series."""

    BASELINE = "baseline"
    PRE_SEASON = "pre_season"
    IN_SEASON = "in_season"
    RETURN_TO_SPORT = "return_to_sport"
    FATIGUED = "fatigued"
    OTHER = "other"
