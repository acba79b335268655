"""Agreement, reliability and the smallest change that is more than noise.

Pure functions on plain arrays: the judgements over screenings use them, and so does the benchmark.
Sources: Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420; McGraw & Wong 1996,
doi:10.1037/1082-989X.1.1.30 (intervals); Bland & Altman 1999, doi:10.1177/096228029900800204;
Weir 2005, J Strength Cond Res 19:231 (standard error of measurement, minimal detectable change).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from app.biomech.normal import normal_point
from app.biomech.types import FloatArray

Z95 = 1.959964
"""Two-sided 95 % point of the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Two ends, both in the unit of what they enclose."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Say whether the value lies inside, the ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSquares:
    """Two-way analysis of variance of a table of subjects by raters (or repeats), without replication."""

    n_subjects: int
    n_raters: int
    between_subjects: float
    between_raters: float
    within_subjects: float
    residual: float


def compute_mean_squares(ratings: FloatArray) -> MeanSquares:
    """Return the mean squares of a table.

    Parameters
    ----------
    ratings : FloatArray, shape (N, K)
        N subjects by K raters or repeats, one unit. A subject with a NaN is left out whole.

    Raises
    ------
    ValueError
        With fewer than two whole subjects, or fewer than two raters.
    """
    table = np.asarray(ratings, dtype=np.float64)
    whole = table[np.isfinite(table).all(axis=1)] if table.ndim == 2 else table
    if whole.ndim != 2 or min(whole.shape) < 2:
        msg = f"a table of at least two whole subjects by two raters is needed, got shape {table.shape}"
        raise ValueError(msg)
    n, k = whole.shape
    grand = whole.mean()
    subjects = k * float(np.sum((whole.mean(axis=1) - grand) ** 2))
    raters = n * float(np.sum((whole.mean(axis=0) - grand) ** 2))
    total = float(np.sum((whole - grand) ** 2))
    return MeanSquares(
        n_subjects=n,
        n_raters=k,
        between_subjects=subjects / (n - 1),
        between_raters=raters / (k - 1),
        within_subjects=(total - subjects) / (n * (k - 1)),
        residual=max(total - subjects - raters, 0.0) / ((n - 1) * (k - 1)),
    )


def icc_1_1(ratings: FloatArray) -> float:
    """Return ICC(1,1): each subject has other raters; (N, K) table, 1 is perfect, may be negative.

    Examples
    --------
    >>> shrout_fleiss = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]])
    >>> [round(icc(shrout_fleiss), 2) for icc in (icc_1_1, icc_2_1, icc_3_1, icc_1_k, icc_2_k, icc_3_k)]
    [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    """
    m = compute_mean_squares(ratings)
    return _share(
        m.between_subjects - m.within_subjects,
        m.between_subjects + (m.n_raters - 1) * m.within_subjects,
    )


def icc_2_1(ratings: FloatArray) -> float:
    """Return ICC(2,1): absolute agreement of one random rater; (N, K) table. The one to report."""
    m = compute_mean_squares(ratings)
    disagreement = m.n_raters * (m.between_raters - m.residual) / m.n_subjects
    return _share(
        m.between_subjects - m.residual,
        m.between_subjects + (m.n_raters - 1) * m.residual + disagreement,
    )


def icc_3_1(ratings: FloatArray) -> float:
    """Return ICC(3,1): consistency of one of these very raters, bias between them left out; (N, K) table."""
    m = compute_mean_squares(ratings)
    return _share(m.between_subjects - m.residual, m.between_subjects + (m.n_raters - 1) * m.residual)


def icc_1_k(ratings: FloatArray) -> float:
    """Return ICC(1,k): the mean of K ratings, each subject with other raters; (N, K) table."""
    m = compute_mean_squares(ratings)
    return _share(m.between_subjects - m.within_subjects, m.between_subjects)


def icc_2_k(ratings: FloatArray) -> float:
    """Return ICC(2,k): absolute agreement of the mean of K random raters; (N, K) table."""
    m = compute_mean_squares(ratings)
    disagreement = (m.between_raters - m.residual) / m.n_subjects
    return _share(m.between_subjects - m.residual, m.between_subjects + disagreement)


def icc_3_k(ratings: FloatArray) -> float:
    """Return ICC(3,k): consistency of the mean of these very K raters; (N, K) table."""
    m = compute_mean_squares(ratings)
    return _share(m.between_subjects - m.residual, m.between_subjects)


def _share(part: float, whole: float) -> float:
    """Return part over whole; NaN where nothing varies, as agreement cannot be told then."""
    return part / whole if whole != 0.0 else float("nan")


def icc_2_1_interval(ratings: FloatArray, *, level: float = 0.95) -> Interval:
    """Return the confidence interval of ICC(2,1) (McGraw & Wong 1996, table 7)."""
    m = compute_mean_squares(ratings)
    n, k = m.n_subjects, m.n_raters
    icc = icc_2_1(ratings)
    if m.residual == 0.0 or not np.isfinite(icc):
        return Interval(low=icc, high=icc)
    ratio = m.between_raters / m.residual
    top = (k - 1) * (n - 1) * (k * icc * ratio + n * (1 + (k - 1) * icc) - k * icc) ** 2
    bottom = (n - 1) * k**2 * icc**2 * ratio**2 + (n * (1 + (k - 1) * icc) - k * icc) ** 2
    freedom = top / bottom
    tail = 1.0 - (1.0 - level) / 2.0
    upper_f = scipy.special.fdtri(n - 1, freedom, tail)
    lower_f = scipy.special.fdtri(freedom, n - 1, tail)
    rest = k * m.between_raters + (k * n - k - n) * m.residual
    low = n * (m.between_subjects - upper_f * m.residual) / (upper_f * rest + n * m.between_subjects)
    high = n * (lower_f * m.between_subjects - m.residual) / (rest + n * lower_f * m.between_subjects)
    return Interval(low=float(low), high=float(high))


def sem_from_repeats(ratings: FloatArray) -> float:
    """Return the standard error of measurement of one reading, from repeated readings.

    Root of the mean square within subjects: what two readings of the same subject differ by, bias
    between the occasions included (agreement).

    Parameters
    ----------
    ratings : FloatArray, shape (N, K)
        N subjects by K repeats, one unit.

    Returns
    -------
    float
        In the unit of the ratings.
    """
    return float(np.sqrt(compute_mean_squares(ratings).within_subjects))


def sem_from_icc(*, sd: float, icc: float) -> float:
    """Return the standard error of measurement, ``sd * sqrt(1 - icc)``, in the unit of ``sd``.

    Examples
    --------
    >>> round(sem_from_icc(sd=5.0, icc=0.84), 2)
    2.0
    """
    return float(sd * np.sqrt(max(0.0, 1.0 - icc)))


def minimal_detectable_change(sem: float, *, level: float = 0.95) -> float:
    """Return the least difference of two readings that is more than noise, ``z * sqrt(2) * SEM``.

    Examples
    --------
    >>> round(minimal_detectable_change(1.05), 2), round(minimal_detectable_change(2.72), 2)
    (2.91, 7.54)
    """
    return float(normal_point(0.5 + level / 2.0) * np.sqrt(2.0) * sem)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSummary:
    """How far readings are from a reference, all in the unit of the readings."""

    n: int
    bias: float
    """Mean of reading minus reference."""
    sd: float
    """Of the differences; NaN with fewer than two."""
    mae: float
    rmse: float


def summarise_errors(errors: FloatArray) -> ErrorSummary:
    """Return what a set of differences, reading minus reference, amounts to.

    Parameters
    ----------
    errors : FloatArray, any shape
        NaN is left out. Everything but ``n`` is NaN when nothing is left.

    Examples
    --------
    >>> summary = summarise_errors(np.array([1.0, -1.0, 3.0, np.nan]))
    >>> summary.n, summary.bias, round(summary.mae, 2), round(summary.rmse, 2)
    (3, 1.0, 1.67, 1.91)
    """
    known = np.asarray(errors, dtype=np.float64)
    known = known[np.isfinite(known)]
    if known.size == 0:
        nan = float("nan")
        return ErrorSummary(n=0, bias=nan, sd=nan, mae=nan, rmse=nan)
    return ErrorSummary(
        n=int(known.size),
        bias=float(known.mean()),
        sd=float(known.std(ddof=1)) if known.size > 1 else float("nan"),
        mae=float(np.abs(known).mean()),
        rmse=float(np.sqrt(np.mean(known**2))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsOfAgreement:
    """Between which limits 95 % of the differences lie (Bland & Altman), in the unit of the readings."""

    n: int
    bias: float
    lower: float
    upper: float
    bias_interval: Interval
    """95 % interval of the bias."""
    lower_interval: Interval
    upper_interval: Interval


def limits_of_agreement(errors: FloatArray) -> LimitsOfAgreement:
    """Return bias and 95 % limits of agreement, each with its own 95 % interval.

    Parameters
    ----------
    errors : FloatArray, any shape
        Reading minus reference, one pair per subject (repeats of one subject make the intervals too
        narrow: see `bootstrap_interval`). NaN is left out.

    Raises
    ------
    ValueError
        With fewer than two differences.
    """
    summary = summarise_errors(errors)
    if summary.n < 2:
        msg = f"limits of agreement need at least two differences, got {summary.n}"
        raise ValueError(msg)
    t = float(scipy.special.stdtrit(summary.n - 1, 0.975))
    bias_half = t * summary.sd / float(np.sqrt(summary.n))
    limit_half = t * summary.sd * float(np.sqrt(1.0 / summary.n + Z95**2 / (2.0 * (summary.n - 1))))
    lower, upper = summary.bias - Z95 * summary.sd, summary.bias + Z95 * summary.sd
    return LimitsOfAgreement(
        n=summary.n,
        bias=summary.bias,
        lower=lower,
        upper=upper,
        bias_interval=Interval(low=summary.bias - bias_half, high=summary.bias + bias_half),
        lower_interval=Interval(low=lower - limit_half, high=lower + limit_half),
        upper_interval=Interval(low=upper - limit_half, high=upper + limit_half),
    )


def bootstrap_interval(
    values: FloatArray,
    clusters: FloatArray,
    statistic: Callable[[FloatArray], float],
    *,
    level: float = 0.95,
    n_draws: int = 2000,
    seed: int = 20240517,
) -> Interval:
    """Return the percentile interval of a statistic, whole subjects drawn at a time.

    Several clips of one athlete say less than as many athletes, so the athlete is what is drawn.

    Parameters
    ----------
    values : FloatArray, shape (N, ...)
        One entry per clip.
    clusters : FloatArray, shape (N,)
        Number of the athlete each clip belongs to.
    statistic
        From values to a number.
    """
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(clusters == name) for name in np.unique(clusters)]
    draws = [
        statistic(values[np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])])
        for _ in range(n_draws)
    ]
    low, high = np.nanquantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(low=float(low), high=float(high))


def wilson_interval(n_hits: int, n: int, *, level: float = 0.95) -> Interval:
    """Return the interval of a proportion (Wilson 1927); 0 to 1 without a trial.

    Examples
    --------
    >>> interval = wilson_interval(6, 8)
    >>> round(interval.low, 2), round(interval.high, 2)
    (0.41, 0.93)
    """
    if n == 0:
        return Interval(low=0.0, high=1.0)
    z = normal_point(0.5 + level / 2.0)
    share = n_hits / n
    middle = (share + z**2 / (2.0 * n)) / (1.0 + z**2 / n)
    half = z / (1.0 + z**2 / n) * float(np.sqrt(share * (1.0 - share) / n + z**2 / (4.0 * n**2)))
    return Interval(low=max(0.0, middle - half), high=min(1.0, middle + half))


def agreement_share(first: FloatArray, second: FloatArray) -> float:
    """Return how often two raters say the same, 0-1; both (N,), one class per item."""
    return float(np.mean(np.asarray(first) == np.asarray(second)))


def pabak(agreement: float, *, n_classes: int = 2) -> float:
    """Return agreement beyond chance when every class were as likely: ``(k a - 1) / (k - 1)``.

    Examples
    --------
    >>> round(pabak(0.85), 2)
    0.7
    """
    return (n_classes * agreement - 1.0) / (n_classes - 1.0)


def cohen_kappa(first: FloatArray, second: FloatArray) -> float:
    """Return Cohen's kappa of two raters; both (N,), one class per item; NaN when both only ever say one thing."""
    classes = np.union1d(first, second)
    agreement = agreement_share(first, second)
    chance = float(sum(np.mean(first == name) * np.mean(second == name) for name in classes))
    return _share(agreement - chance, 1.0 - chance)
