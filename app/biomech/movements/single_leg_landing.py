"""The landing on one leg: step off a box, land on that leg and hold (method section 1.2)."""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech.events import Instant
from app.biomech.frontal import FrontalMeasurement, towards
from app.biomech.held import check_hold, sway
from app.biomech.joints import Joint
from app.biomech.kinematics import BodyPaths
from app.biomech.landing import Landing, locate_landing, place_by_hand
from app.biomech.movements.base import MovementDefinition, Trial
from app.biomech.movements.shared import (
    Entry,
    Examined,
    conclude,
    examine,
    make_event,
    make_metrics,
    recognise_or_refuse,
    refuse,
)
from app.biomech.phases import Refusal
from app.biomech.quality import make_finding
from app.biomech.types import Event, EventName, Movement, Outcome, Rejected, Side, View

IC, PKF = EventName.INITIAL_CONTACT.value, EventName.PEAK_KNEE_FLEXION.value
PEAK, LANDING = "peak", "landing"
PEAK_TAIL = 0.40
"""The peak is looked for until this share of contact to lowest point after the lowest point [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """One landing on one leg."""

    stance: Side
    landing: Landing

    @property
    def contact(self) -> Instant:
        """When the standing foot meets the floor."""
        return self.landing.contact[self.stance]

    @property
    def stop_s(self) -> float:
        """End of the window of the peak."""
        lowest_s = self.landing.lowest.time_s
        return lowest_s + PEAK_TAIL * (lowest_s - self.contact.time_s)


def on_one_foot(paths: BodyPaths, side: Side) -> BodyPaths:
    """Return the paths of a body whose two feet are this one: what finds a landing then finds its landing."""
    raw_px = paths.raw_px.copy()
    other = "RIGHT" if side is Side.LEFT else "LEFT"
    for part in ("ANKLE", "HEEL", "FOOT_INDEX"):
        raw_px[:, Joint[f"{other}_{part}"]] = raw_px[:, Joint[f"{side.name}_{part}"]]
    return replace(paths, raw_px=raw_px)


def assess(trial: Trial) -> Outcome:
    """Return the judgement over one recording of a landing on one leg; the leg is found."""
    seen = recognise_or_refuse(trial, Movement.SINGLE_LEG_LANDING)
    if isinstance(seen, Rejected):
        return seen
    if seen.stance is None:
        return refuse(trial, make_finding("no_landing_found"))
    landing = locate_landing(on_one_foot(trial.paths, seen.stance), trial.context)
    if isinstance(landing, Refusal) or seen.stance not in landing.contact:
        return refuse(trial, make_finding("no_landing_found"))
    found = _Found(stance=seen.stance, landing=_placed_by_hand(landing, trial, seen.stance))
    if found.contact.time_s >= found.landing.lowest.time_s:
        return refuse(trial, make_finding("events_out_of_order"))
    t = trial.paths.time_s
    window = (t >= found.contact.time_s - 0.05) & (t <= found.stop_s + 0.1)
    examined = examine(trial, window=window, still=t < found.contact.time_s - 0.5, leg=found.stance)
    _tell(examined, found)
    m = examined.measurement
    metrics = make_metrics(_read(m, found), withheld=not examined.measurable)
    peak_s = m.fppa_peak_s(found.stance, start_s=found.contact.time_s, stop_s=found.stop_s)
    flagged = [
        (found.contact.time_s, IC, found.stance),
        (peak_s, "peak_valgus", found.stance),
        (landing.lowest.time_s, "lowest_point", found.stance),
    ]
    return conclude(examined, events=_events(examined, found), metrics=metrics, flagged=flagged)


def _placed_by_hand(landing: Landing, trial: Trial, stance: Side) -> Landing:
    """Return the landing with the instants that a person placed; its lowest point belongs to the leg here."""
    lowest = trial.placed.get((EventName.PEAK_KNEE_FLEXION, stance, None), landing.lowest)
    return replace(place_by_hand(landing, trial.placed), lowest=lowest)


def _tell(examined: Examined, found: _Found) -> None:
    """Add what is to be said of the landing."""
    told, landing = examined.findings, found.landing
    if landing.slow_factor is not None:
        slow = landing.slow_factor
        pace = "slower" if slow > 1.0 else "faster"
        told.append(make_finding("retimed_video", times=max(slow, 1.0 / slow), pace=pace))
    told += check_hold(
        examined.measurement.paths,
        contact_s=found.contact.time_s,
        lowest_s=landing.lowest.time_s,
        legs=(found.stance,),
    )
    if examined.measurement.is_too_deep(found.stance, landing.lowest.time_s):
        told.append(make_finding("deep_landing"))
    if landing.step_off is None and not landing.starts_in_view:
        told.append(make_finding("starts_too_late"))


def _read(m: FrontalMeasurement, found: _Found) -> list[Entry]:
    """Return the frontal numbers of the landing."""
    stance, contact, lowest = found.stance, found.contact, found.landing.lowest
    start_s, stop_s = contact.time_s, found.stop_s
    peak_s = m.fppa_peak_s(stance, start_s=start_s, stop_s=stop_s)
    at_peak = Instant(time_s=peak_s, sd_s=lowest.sd_s)
    entries: list[Entry] = [
        ("fppa", stance, IC, m.fppa_at(stance, contact)),
        ("fppa", stance, PKF, m.fppa_at(stance, lowest)),
        ("fppa_frontal", stance, PKF, m.frontal_at(stance, lowest)),
        ("fppa", stance, PEAK, m.fppa_peak(stance, start_s=start_s, stop_s=stop_s)),
        (
            "knee_valgus_displacement",
            stance,
            LANDING,
            m.fppa_change(stance, start_s=start_s, start_sd_s=contact.sd_s, stop=at_peak)
            if np.isfinite(peak_s)
            else None,
        ),
        ("trunk_lean_to_stance", stance, IC, towards(stance, m.lean_at(contact))),
        ("trunk_lean_to_stance", stance, PKF, towards(stance, m.lean_at(lowest))),
        ("pelvic_drop", stance, PKF, m.pelvic_drop_at(stance, lowest)),
        ("landing_sway", Side.BOTH, LANDING, sway(m.paths, lowest_s=lowest.time_s)),
    ]
    return entries


def _events(examined: Examined, found: _Found) -> list[Event]:
    landing = found.landing
    events = [
        make_event(examined, EventName.INITIAL_CONTACT, found.stance, found.contact),
        make_event(examined, EventName.PEAK_KNEE_FLEXION, found.stance, landing.lowest),
    ]
    if landing.step_off is not None:
        events.append(make_event(examined, EventName.STEP_OFF, Side.BOTH, landing.step_off))
    return events


SINGLE_LEG_LANDING = MovementDefinition(
    movement=Movement.SINGLE_LEG_LANDING,
    name="Landing on one leg",
    protocol=(
        "Stand on a box of about 30 cm on the leg to be tested, hands on the hips. Step off without jumping up, land "
        "on the same leg and stand still on it for two seconds. Film each leg by itself."
    ),
    phases=("standing on the box", "drop", "landing", "holding still"),
    valid_when=(
        "The other foot does not touch the floor.",
        "The landing foot does not hop or move.",
        "The landing is held for two seconds.",
    ),
    metrics=(
        "fppa",
        "fppa_frontal",
        "knee_valgus_displacement",
        "trunk_lean_to_stance",
        "pelvic_drop",
        "landing_sway",
    ),
    flagged_frames=(IC, "peak_valgus", "lowest_point"),
    views=(View.FRONTAL,),
    has_box=True,
    assess=assess,
)
