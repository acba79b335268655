"""The standard normal distribution, one number at a time.

The same values as `scipy.special.ndtr` and `ndtri` to the last digits, without scipy: the api compares results on every
page of an athlete, and scipy's special functions would take 25 MB of it.
"""

from math import erfc, sqrt
from statistics import NormalDist


def normal_share_below(z: float) -> float:
    """Return the share of a standard normal below `z`, 0 to 1; NaN for NaN.

    Examples
    --------
    >>> normal_share_below(0.0), round(normal_share_below(-1.6448536269514722), 12)
    (0.5, 0.05)
    """
    return 0.5 * erfc(-z / sqrt(2.0))


def normal_point(share: float) -> float:
    """Return the `z` with this share of a standard normal below; `share` lies strictly between 0 and 1.

    Examples
    --------
    >>> round(normal_point(0.975), 12)
    1.95996398454
    """
    return NormalDist().inv_cdf(share)
