"""What a positive screen would mean if it were taken as a prediction: the arithmetic of rare injuries.

For the help page of clinicians. It shows why a screen is no prediction: with the base rates of sport,
nearly everybody who screens positive stays uninjured (method section 5.3).
"""

from dataclasses import dataclass

BASE_RATES: tuple[float, ...] = (0.006, 0.01, 0.03, 0.10)
"""Shares of athletes who get injured for which the table is made; a season of girls' football is near
0.013 (0.166 per 1000 exposures, Bram 2021 [V], times 80 exposures [D])."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningTest:
    """A published test and how well it told injured from uninjured."""

    key: str
    name: str
    predicts: str
    sensitivity: float
    specificity: float
    mark: str
    source: str

    @property
    def likelihood_ratio_positive(self) -> float:
        """How many times likelier a positive result is in those who get injured."""
        return self.sensitivity / (1.0 - self.specificity)

    @property
    def likelihood_ratio_negative(self) -> float:
        """How many times likelier a negative result is in those who get injured."""
        return (1.0 - self.sensitivity) / self.specificity

    def predictive_value(self, base_rate: float) -> float:
        """Return the share of positives who get injured, 0-1.

        Examples
        --------
        >>> round(100 * SCREENING_TESTS[0].predictive_value(0.01), 1)
        2.8
        """
        hits = self.sensitivity * base_rate
        return hits / (hits + (1.0 - self.specificity) * (1.0 - base_rate))


SCREENING_TESTS: tuple[ScreeningTest, ...] = (
    ScreeningTest(
        key="knee_abduction_moment",
        name="Knee abduction moment in the laboratory",
        predicts="Rupture of the anterior cruciate ligament",
        sensitivity=0.78,
        specificity=0.73,
        mark="M",
        source="Hewett 2005: 205 women, 9 injured; not reproduced in later, larger studies",
    ),
    ScreeningTest(
        key="less_5",
        name="LESS of 5 or more",
        predicts="Rupture of the anterior cruciate ligament",
        sensitivity=0.86,
        specificity=0.64,
        mark="M",
        source="Padua 2015: 829 youth football players, 7 injured; Smith 2012 found no association",
    ),
    ScreeningTest(
        key="auc_06",
        name="A test with an area under the curve of 0.6",
        predicts="Rupture of the anterior cruciate ligament",
        sensitivity=0.50,
        specificity=0.65,
        mark="D",
        source="As medial knee displacement in Krosshaug 2016: 710 women, 42 injured",
    ),
    ScreeningTest(
        key="knee_valgus_displacement",
        name="Knee valgus displacement of 10.6 deg or more",
        predicts="Patellofemoral pain",
        sensitivity=0.75,
        specificity=0.85,
        mark="V",
        source="Holden 2017: 76 girls, 8 with pain; sensitivity 0.41 to 0.93",
    ),
)
