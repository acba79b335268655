"""The tables of the accuracy bench: one line a clip, then one line a metric and movement, beside what others reach."""

from collections.abc import Callable, Iterable

import numpy as np
from scipy import stats

from app.biomech import statistics
from bench.accuracy_truth import ClipResult, Reading

Z95 = 1.9600
COVER_95 = (0.90, 0.99)
"""Between which the share of stated 95 % intervals that hold the truth is to be."""
_RARE = 0.05
ANCHORS = (
    "FPPA in the drop jump, mean absolute error: OpenPose 2-D 2.4 deg, human digitiser 3.2 deg (Ino 2024)",
    "knee-ankle separation ratio, ICC against markers: 0.84 at contact, 0.95 at peak (Gray 2017, depth camera)",
    "LESS, mean absolute error: 1.2 items (DEEP-LESS); contact time in drop jumps at 30 frames/s: 120 ms (MVESPA)",
)

Column = tuple[str, Callable[[ClipResult], float]]
COLUMNS: tuple[Column, ...] = (
    ("IC ms", lambda r: r.worst_ms("initial_contact")),
    ("TO ms", lambda r: r.worst_ms("take_off")),
    ("PKF ms", lambda r: r.worst_ms("peak_knee_flexion")),
    ("IC2 ms", lambda r: r.worst_ms("second_contact")),
    ("MAE L", lambda r: r.series.get("left_mae", np.nan)),
    ("MAE R", lambda r: r.series.get("right_mae", np.nan)),
    ("MAE both", lambda r: r.series.get("both_mae", np.nan)),
    ("peak L", lambda r: r.error_of("fppa", "left", "peak")),
    ("peak R", lambda r: r.error_of("fppa", "right", "peak")),
    ("peak both", lambda r: r.error_of("fppa", "both", "peak")),
    ("front L", lambda r: r.error_of("fppa_frontal", "left", "peak")),
    ("front R", lambda r: r.error_of("fppa_frontal", "right", "peak")),
    ("KVD L", lambda r: r.error_of("knee_valgus_displacement", "left", "landing")),
    ("KVD R", lambda r: r.error_of("knee_valgus_displacement", "right", "landing")),
    ("KASR", lambda r: r.series.get("ratio_mae", np.nan)),
    ("lean", lambda r: r.series.get("lean_mae", np.nan)),
    ("jh cm", lambda r: 100.0 * r.error_of("jump_height", "both", "second_contact")),
)


def print_clips(results: Iterable[ClipResult]) -> None:
    """Print one line per video: events in milliseconds (worst foot), angles in degrees, reported minus true."""
    videos = [result for result in results if result.source in ("video", "interpolated")]
    if not videos:
        return
    width = max(len(result.name) for result in videos)
    print(f"{'clip':{width}s} {'verdict':9s} " + " ".join(f"{title:>9s}" for title, _ in COLUMNS))
    for result in videos:
        cells = " ".join(
            f"{value:9.2f}" if np.isfinite(value := get(result)) else f"{'-':>9s}" for _, get in COLUMNS
        )
        print(
            f"{result.name:{width}s} {result.verdict:9s} {cells}  {' '.join(result.findings)} {result.note}"
        )


def summarise(results: Iterable[ClipResult]) -> list[dict[str, float | str]]:
    """Return one row per source, movement and metric: how far the readings are from the truth, and the intervals' cover."""
    groups: dict[tuple[str, str, str], list[Reading]] = {}
    for result in results:
        for reading in result.readings:
            groups.setdefault((result.source, reading.movement, _label(reading)), []).append(reading)
    return [_row(*key, readings) for key, readings in sorted(groups.items())]


def _label(reading: Reading) -> str:
    if reading.key.startswith("event:"):
        return reading.key
    which = "mean of both" if reading.side == "both" else "side"
    return f"{reading.key} @{reading.event} {which}"


def _row(source: str, movement: str, label: str, readings: list[Reading]) -> dict[str, float | str]:
    errors = np.array([reading.error for reading in readings])
    scale, unit = (1000.0, "ms") if readings[0].unit == "s" else (1.0, readings[0].unit)
    pairs = np.array([(reading.value, reading.truth) for reading in readings])
    covered = [abs(r.error) <= Z95 * r.se for r in readings if r.se is not None]
    limits = statistics.limits_of_agreement(errors * scale) if errors.size > 2 else None
    return {
        "source": source,
        "movement": movement,
        "metric": label,
        "unit": unit,
        "n": float(errors.size),
        "bias": float(errors.mean() * scale),
        "mae": float(np.abs(errors).mean() * scale),
        "rmse": float(np.sqrt(np.mean(errors**2)) * scale),
        "loa_low": limits.lower if limits else float("nan"),
        "loa_high": limits.upper if limits else float("nan"),
        "icc": statistics.icc_2_1(pairs)
        if errors.size > 2 and not label.startswith("event:")
        else float("nan"),
        "worst": float(np.abs(errors).max() * scale),
        "cover_95": float(np.mean(covered)) if covered else float("nan"),
    }


def print_summary(results: Iterable[ClipResult]) -> None:
    """Print the second table, the cover of all intervals together, and the anchors."""
    results = list(results)
    rows = summarise(results)
    if not rows:
        return
    print(
        f"\n{'from':12s} {'movement':9s} {'metric':52s} {'unit':4s} {'n':>4s} {'bias':>7s} {'MAE':>7s} {'RMSE':>7s}"
        f" {'limits of agreement':>20s} {'ICC':>6s} {'worst':>7s} {'in 95 %':>8s}"
    )
    for row in rows:
        print(
            f"{row['source']:12s} {row['movement']:9s} {row['metric']:52s} {row['unit']:4s} {row['n']:4.0f}"
            f" {row['bias']:7.2f} {row['mae']:7.2f} {row['rmse']:7.2f}"
            f"   {row['loa_low']:8.2f} {row['loa_high']:8.2f} {row['icc']:6.2f} {row['worst']:7.2f} {row['cover_95']:8.2f}"
        )
    print_intervals(results)
    print("beside: " + "\n        ".join(ANCHORS))


def interval_rows(results: Iterable[ClipResult]) -> list[dict[str, float | str]]:
    """Return one row per source and metric: how often its 95 % intervals hold the truth, and errors over stated ones.

    A sound statement has a root mean square of about one; well below it intervals are wider than they need be.
    """
    groups: dict[tuple[str, str], list[float]] = {}
    for result in results:
        for reading in result.readings:
            if reading.se:
                ratio = reading.error / reading.se
                for label in (_interval_label(reading), "all"):
                    groups.setdefault((result.source, label), []).append(ratio)
    rows: list[dict[str, float | str]] = []
    for (source, label), values in sorted(groups.items()):
        size = np.abs(values)
        rows.append(
            {
                "source": source,
                "metric": label,
                "n": float(size.size),
                "cover_95": float(np.mean(size <= Z95)),
                "fails": failing_side(n_held=int(np.sum(size <= Z95)), n=size.size),
                "ratio_rms": float(np.sqrt(np.mean(size**2))),
                "ratio_bias": float(np.mean(values)),
                "ratio_worst": float(size.max()),
            }
        )
    return rows


def failing_side(*, n_held: int, n: int) -> str:
    """Return on which side of `COVER_95` a number of intervals that held the truth lies; empty when between.

    Of few, as many or as few may hold by chance though each does in 95 % of all cases: then it cannot be told.

    Examples
    --------
    >>> failing_side(n_held=85, n=100), failing_side(n_held=95, n=100), failing_side(n_held=100, n=100)
    ('too narrow', '', 'too wide')
    >>> failing_side(n_held=20, n=20), failing_side(n_held=8, n=9)
    ('too few to tell', 'too few to tell')
    """
    low, high = COVER_95
    if low * n <= n_held <= high * n:
        return ""
    side, chance = (
        ("too narrow", stats.binom.cdf(n_held, n, 0.95)) if n_held < low * n else ("too wide", 0.95**n)
    )
    return side if chance < _RARE else "too few to tell"


def _interval_label(reading: Reading) -> str:
    if reading.side == "both" or reading.key.startswith("event:"):
        return reading.key
    return f"{reading.key}, one side"


def print_intervals(results: Iterable[ClipResult]) -> None:
    """Print the third table: cover of the stated 95 % intervals per metric, over all movements and instants."""
    print(
        f"\n{'from':12s} {'95 % intervals of':42s} {'n':>5s} {'hold':>6s} {'error over stated':>18s} {'mean':>6s} {'worst':>6s}"
        f"  outside {COVER_95[0]:.0%}-{COVER_95[1]:.0%}"
    )
    for row in interval_rows(results):
        print(
            f"{row['source']:12s} {row['metric']:42s} {row['n']:5.0f} {row['cover_95']:6.3f}"
            f" {row['ratio_rms']:18.2f} {row['ratio_bias']:6.2f} {row['ratio_worst']:6.2f}  {row['fails']}"
        )
