"""Joining a recording from the front and one from the side of the same trial, by their own events.

Two phones share no clock. Contact, take-off and second contact are seen by both, so they give the offset
between the clocks; what is left over says whether it is the same trial at all. A clap or a flash that somebody
placed in both may stand in, and is then checked against the events. A clap that was heard in both by itself helps
where it fits: it may have been two different sounds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from app.biomech.quality import make_finding
from app.biomech.types import Event, EventName, FloatArray, QualityFinding, Side

SHARED_EVENTS = (EventName.INITIAL_CONTACT, EventName.TAKE_OFF, EventName.SECOND_CONTACT)
MODEL_SD_S = 0.008
"""What the pose model does to the same event from two sides, beyond the stated errors, as one view's share
[D, own rendered landing seen from the front and the side: 4-15 ms between them]."""
SAME_TRIAL_LEVEL = 0.001
"""Probability of so large a disagreement in one and the same trial below which the two are not joined [P]."""
DOUBT_LEVEL = 0.05
"""Below this they are joined with a warning [P]."""
LEAST_DIFFERENCE_S = 0.040
"""A disagreement below this never parts two recordings: two frames at 60 Hz and a little [P]."""
RATE_LIMIT = 0.02
"""Relative difference between two clocks from which one of them is not running at its true speed [P]."""
CUE_SD_S = 0.010
"""Of a clap or flash placed in one recording, sound's 3 ms a metre included [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One event that both views saw."""

    name: EventName
    side: Side
    front_s: float
    side_s: float
    sd_s: float
    """Of the difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """How two recordings of one trial fit together."""

    is_joined: bool
    offset_s: float
    """Time on the side camera's clock less time on the front camera's; NaN when not joined."""
    offset_sd_s: float
    residual_ms: float
    """Root mean square of what the offset leaves over; NaN with one shared event."""
    n_events: int
    rate: float
    """Speed of the side clock over that of the front clock; NaN when it cannot be told."""
    rate_sd: float
    source: str
    """``events``, ``clap`` or ``flash``; with ``_and_clap`` or ``_and_flash`` after ``events`` where one was found, too."""
    findings: tuple[QualityFinding, ...]

    def to_side_s(self, front_s: float) -> float:
        """Return an instant of the front recording on the side recording's clock."""
        return front_s + self.offset_s


def join_views(
    *,
    front: Sequence[Event],
    side: Sequence[Event],
    cue_s: tuple[float, float] | None = None,
    cue: str = "clap",
    heard_s: tuple[float, float] | None = None,
    flash_s: tuple[float, float] | None = None,
) -> Join:
    """Return how two recordings fit together, or why they are not one trial.

    The times of contact and flight are the same whoever films them; they are compared by a chi-square
    test against their errors. Beyond `SAME_TRIAL_LEVEL`, and `LEAST_DIFFERENCE_S`, the recordings are not
    joined. Two trials of one athlete often differ by less than that: the caller must not rely on this
    test alone to tell trials apart.

    Parameters
    ----------
    front, side
        Events of the analysis from the front and of the one from the side.
    cue_s
        Instant of one clap or flash in the front and in the side recording, where somebody placed it. It takes
        the place of the events, and parts the recordings when it does not fit them.
    cue
        ``clap`` or ``flash``.
    heard_s, flash_s
        The same where a clap was found in the sound of both, or a flash in the pictures. It is weighed with the
        events, or passed over when it does not fit them.
    """
    matches = find_matches(front, side)
    if not matches:
        return _apart([make_finding("views_share_no_event")], source="events")
    offsets = np.array([match.side_s - match.front_s for match in matches])
    sds = np.array([match.sd_s for match in matches])
    weights = sds**-2.0
    offset_s = float(np.sum(weights * offsets) / np.sum(weights))
    left_over = offsets - offset_s
    chance = same_trial_probability(left_over, sds)
    worst_s = float(np.ptp(left_over))
    rate, rate_sd = _clock_rate(matches)
    if chance < SAME_TRIAL_LEVEL and worst_s > LEAST_DIFFERENCE_S:
        apart = _why_apart(worst_s, n_events=len(matches), rate=rate, rate_sd=rate_sd)
        return _apart(apart, source="events", rate=rate, rate_sd=rate_sd)
    findings: list[QualityFinding] = []
    residual_ms = 1000.0 * float(np.sqrt(np.mean(left_over**2))) if len(matches) > 1 else float("nan")
    offset_sd_s = float(np.sum(weights) ** -0.5)
    source = "events"
    is_checked = len(matches) > 1
    if cue_s is None:
        offset_s, offset_sd_s, names = _weigh(
            {"clap": heard_s, "flash": flash_s}, offset_s=offset_s, offset_sd_s=offset_sd_s
        )
        source, is_checked = "_and_".join([source, *names]), is_checked or bool(names)
    if not is_checked:
        findings.append(make_finding("views_join_unchecked"))
    elif chance < DOUBT_LEVEL:
        findings.append(make_finding("views_fit_poorly", gap_ms=1000.0 * worst_s))
    if cue_s is not None:
        by_cue = cue_s[1] - cue_s[0]
        if not _fits(cue_s, offset_s=offset_s, offset_sd_s=offset_sd_s):
            gap_ms = 1000.0 * abs(by_cue - offset_s)
            return _apart([make_finding("views_cue_disagrees", cue=cue, gap_ms=gap_ms)], source=cue)
        source, offset_s, offset_sd_s = cue, by_cue, float(np.sqrt(2.0) * CUE_SD_S)
    return Join(
        is_joined=True,
        offset_s=offset_s,
        offset_sd_s=offset_sd_s,
        residual_ms=residual_ms,
        n_events=len(matches),
        rate=rate,
        rate_sd=rate_sd,
        source=source,
        findings=tuple(findings),
    )


def _why_apart(worst_s: float, *, n_events: int, rate: float, rate_sd: float) -> list[QualityFinding]:
    """Return why two recordings are not joined whose events do not fit."""
    findings = [make_finding("views_not_same_trial", gap_ms=1000.0 * worst_s)]
    # Before "another trial" is said: a clock that runs at another speed looks the same.
    if n_events > 2 and abs(rate - 1.0) > max(RATE_LIMIT, 3.0 * rate_sd):
        findings.append(make_finding("views_clock_rates_differ", percent=100.0 * (rate - 1.0)))
    return findings


def _weigh(
    found_s: Mapping[str, tuple[float, float] | None], *, offset_s: float, offset_sd_s: float
) -> tuple[float, float, list[str]]:
    """Return the offset with its error after weighing in what was found in both recordings, and what fitted."""
    names = []
    for name, at_s in found_s.items():
        if at_s is None or not _fits(at_s, offset_s=offset_s, offset_sd_s=offset_sd_s):
            continue
        so_far, own = offset_sd_s**-2.0, 0.5 * CUE_SD_S**-2.0
        offset_s = (so_far * offset_s + own * (at_s[1] - at_s[0])) / (so_far + own)
        offset_sd_s = float((so_far + own) ** -0.5)
        names.append(name)
    return offset_s, offset_sd_s, names


def _fits(cue_s: tuple[float, float], *, offset_s: float, offset_sd_s: float) -> bool:
    """Return whether an instant in both recordings agrees with the offset that the events gave."""
    gap_s = abs(cue_s[1] - cue_s[0] - offset_s)
    gap_sd_s = float(np.hypot(offset_sd_s, np.sqrt(2.0) * CUE_SD_S))
    return gap_s <= max(LEAST_DIFFERENCE_S, 3.0 * gap_sd_s)


def find_matches(front: Iterable[Event], side: Iterable[Event]) -> list[Match]:
    """Return the events both saw: of the near foot where the front saw that foot, else of any foot."""
    ahead = {(event.name, event.side): event for event in front}
    found = []
    for event in sorted(side, key=lambda item: item.time_s):
        if event.name not in SHARED_EVENTS:
            continue
        partner = ahead.get((event.name, event.side)) or next(
            (other for (name, _), other in ahead.items() if name is event.name), None
        )
        if partner is not None:
            sd_s = float(np.sqrt(event.sd_s**2 + partner.sd_s**2 + 2.0 * MODEL_SD_S**2))
            found.append(
                Match(
                    name=event.name, side=event.side, front_s=partner.time_s, side_s=event.time_s, sd_s=sd_s
                )
            )
    return found


def same_trial_probability(left_over: FloatArray, sds: FloatArray) -> float:
    """Return the chance that one trial's events disagree this much after the offset is taken off, 1 with one event.

    Parameters
    ----------
    left_over, sds : FloatArray, shape (N,)
        Differences of the shared events less their weighted mean, and their standard errors, seconds.
    """
    if left_over.size < 2:
        return 1.0
    return float(scipy.special.chdtrc(left_over.size - 1, float(np.sum((left_over / sds) ** 2))))


def _clock_rate(matches: Sequence[Match]) -> tuple[float, float]:
    """Return the speed of the side clock over the front clock and its standard error; NaN below two events."""
    front = np.array([match.front_s for match in matches])
    if front.size < 2 or np.ptp(front) < 0.2:
        return float("nan"), float("nan")
    side = np.array([match.side_s for match in matches])
    weights = np.array([match.sd_s for match in matches]) ** -2.0
    centred = front - np.sum(weights * front) / np.sum(weights)
    spread = float(np.sum(weights * centred**2))
    return float(np.sum(weights * centred * side) / spread), spread**-0.5


def _apart(
    findings: list[QualityFinding], *, source: str, rate: float = float("nan"), rate_sd: float = float("nan")
) -> Join:
    nan = float("nan")
    return Join(
        is_joined=False,
        offset_s=nan,
        offset_sd_s=nan,
        residual_ms=nan,
        n_events=0,
        rate=rate,
        rate_sd=rate_sd,
        source=source,
        findings=tuple(findings),
    )


def combine_times(front: tuple[float, float], side: tuple[float, float]) -> tuple[float, float]:
    """Return the mean of one time as two views measured it, by their errors, and its standard error.

    Examples
    --------
    >>> value, se = combine_times((0.45, 0.02), (0.47, 0.01))
    >>> round(value, 3), round(se, 4)
    (0.466, 0.0089)
    """
    (a, a_se), (b, b_se) = front, side
    weights = np.array([a_se**-2.0, b_se**-2.0])
    return float(np.sum(weights * [a, b]) / np.sum(weights)), float(np.sum(weights) ** -0.5)
