"""The values that flow from a video to a judgement, each checked once, at construction.

``VideoInfo -> frames -> PoseTrack -> Kinematics -> Events -> Metrics + QualityFindings -> outcome``

Arrays have time as their first axis and are read-only. NaN means "not measured".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.biomech.joints import N_JOINTS, N_LINES

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Side(StrEnum):
    """Whose value it is; left and right are the athlete's."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Movement(StrEnum):
    """The movement an athlete performs in a trial."""

    DROP_VERTICAL_JUMP = "drop_vertical_jump"
    """Off a box, land on both feet, jump straight up at once."""
    JUMP_LANDING = "jump_landing"
    """Forward off a box to half the body's height, land, jump straight up: the task of the LESS."""
    BILATERAL_DROP_LANDING = "bilateral_drop_landing"
    """Off a box, land on both feet and hold."""
    SINGLE_LEG_LANDING = "single_leg_landing"
    """Off a box, land on one leg and hold."""
    BILATERAL_SQUAT = "bilateral_squat"
    """Repeated squats on both legs, arms overhead or not."""
    SINGLE_LEG_SQUAT = "single_leg_squat"
    """Repeated squats on one leg, the other foot off the floor."""
    LATERAL_STEP_DOWN = "lateral_step_down"
    """On a step with one leg, the other heel taps the floor beside it."""
    FORWARD_LUNGE = "forward_lunge"
    """Step forward, sink, push back."""
    RUNNING = "running"
    """Steady running, seen from the front or from behind."""
    SIDE_STEP_CUT = "side_step_cut"
    """Run up, plant one foot, change direction to the other side."""
    STANDING = "standing"
    """Quiet standing: the calibration trial."""


class View(StrEnum):
    """Where the camera stands."""

    FRONTAL = "frontal"
    SAGITTAL = "sagittal"


class Sex(StrEnum):
    """Used only to choose a reference range; without it no reference is shown."""

    FEMALE = "female"
    MALE = "male"
    UNSPECIFIED = "unspecified"


class EventName(StrEnum):
    """Instants of the movements, in the order in which one movement shows them."""

    STANDING_START = "standing_start"
    """Quiet standing begins."""
    STANDING_STOP = "standing_stop"
    """Quiet standing ends."""
    STEP_OFF = "step_off"
    """The last foot leaves the box."""
    INITIAL_CONTACT = "initial_contact"
    """A foot meets the floor after a drop or jump."""
    PEAK_KNEE_FLEXION = "peak_knee_flexion"
    """The trunk is lowest in a landing that the knees brake."""
    TAKE_OFF = "take_off"
    """A foot leaves the floor for a jump."""
    SECOND_CONTACT = "second_contact"
    """A foot comes back to the floor after the jump."""
    DESCENT_START = "descent_start"
    """A repetition begins: the hips start to sink."""
    LOWEST_POINT = "lowest_point"
    """The hips are lowest in a repetition."""
    ASCENT_STOP = "ascent_stop"
    """A repetition ends: the hips are back up."""
    FOOT_STRIKE = "foot_strike"
    """A foot meets the ground in a stride."""
    MID_STANCE = "mid_stance"
    """The hips are lowest over the standing foot of a stride."""
    TOE_OFF = "toe_off"
    """A foot leaves the ground in a stride."""
    PLANT = "plant"
    """The foot that changes the direction meets the ground."""


class EventSource(StrEnum):
    """Who placed the event."""

    AUTO = "auto"
    MANUAL = "manual"


class Verdict(StrEnum):
    """Whether a recording can be used."""

    VALID = "valid"
    """Use it."""
    ATTENTION = "attention"
    """Use it with care: the findings say why."""
    INVALID = "invalid"
    """Film it again: the findings say why and how."""


class Severity(StrEnum):
    """What a finding does to the verdict."""

    INFO = "info"
    """Worth knowing; changes nothing."""
    WARNING = "warning"
    """The verdict is at best `attention`."""
    ERROR = "error"
    """The verdict is `invalid`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """What a video file is, measured while reading it, as seen upright."""

    width_px: int
    height_px: int
    duration_s: float
    n_frames: int
    nominal_fps_hz: float
    """One over the median frame interval; never used to time a frame."""
    rotation_deg: int
    """Rotation that was applied to show the picture upright: 0, 90, 180 or 270, counter-clockwise."""
    codec: str
    sha256: str
    clap_s: float | None = None
    """Second at which one clap or thud stands out in the sound; None when none does, or nobody listened."""
    flash_s: float | None = None
    """Second at which one flash stands out in the pictures; None when none does, or nobody looked."""
    brightness: float | None = None
    """Mean brightness of the usual frame, 0 black to 1 white; None when nobody looked."""
    contrast: float | None = None
    """Standard deviation of the brightness over the usual frame, in the same unit; None when nobody looked."""
    key_bits_per_pixel: float | None = None
    """What a picture that is stored by itself takes in the file; None when nobody looked."""

    def __post_init__(self) -> None:
        """Refuse sizes and times that no video can have."""
        for name in ("width_px", "height_px", "n_frames", "nominal_fps_hz"):
            if not getattr(self, name) > 0:
                msg = f"{name} must be positive, got {getattr(self, name)}"
                raise ValueError(msg)
        if not self.duration_s >= 0:
            msg = f"duration_s must not be negative, got {self.duration_s}"
            raise ValueError(msg)
        if self.rotation_deg not in (0, 90, 180, 270):
            msg = f"rotation_deg must be 0, 90, 180 or 270, got {self.rotation_deg}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseSource:
    """What made a pose track."""

    estimator: str
    """Engine and its version, for example ``mediapipe 1.2.2``."""
    model: str
    model_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseTrack:
    """Landmarks of the athlete in every frame of one recording.

    Index i along the first axis is frame i of the video. A frame that was not looked at, or in
    which the athlete was not found, is NaN throughout.
    """

    time_s: FloatArray
    """(T,) presentation time of each frame, strictly increasing, the first frame at its own time."""
    xy_px: FloatArray
    """(T, 33, 2) landmark positions in the upright picture, x right, y down."""
    confidence: FloatArray
    """(T, 33) visibility 0-1 as the pose model states it; not a probability of being right."""
    world_m: FloatArray | None
    """(T, 33, 3) the model's own metric guess, hip-centred, or none. Noisy; never a headline."""
    image_size_px: tuple[int, int]
    """(width, height) of the upright picture."""
    source: PoseSource
    n_people: FloatArray
    """(T,) people found in the frame; NaN where the frame was not looked at."""
    bystander_ratio: float = 0.0
    """Largest other person's height over the athlete's, 0 when nobody else was seen."""
    heads: FloatArray | None = None
    """(H, 5) every head that was seen, one row a sighting: number of the person, time in s, centre x and y, radius in px.

    None where nobody looked for them. Nothing is measured with it: pictures hide faces by it.
    """
    outline_px: FloatArray | None = None
    """(T, 7, 2, 2) where lines across hips and legs enter and leave the body (`app.biomech.outline`), x and y of the
    edge at the left of the picture and of the one at the right; NaN in frames that were not looked at so, None where
    none was, as in tracks that are older than it."""

    def __post_init__(self) -> None:
        """Check shapes and time once, and lock the arrays."""
        n = self.time_s.shape[0]
        shapes = {
            "time_s": (n,),
            "xy_px": (n, N_JOINTS, 2),
            "confidence": (n, N_JOINTS),
            "n_people": (n,),
            "world_m": (n, N_JOINTS, 3),
            "outline_px": (n, N_LINES, 2, 2),
        }
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values is not None and values.shape != shape:
                msg = f"{name} must have shape {shape}, got {values.shape}"
                raise ValueError(msg)
        if self.heads is not None and (self.heads.ndim != 2 or self.heads.shape[1] != 5):
            msg = f"heads must have shape (H, 5), got {self.heads.shape}"
            raise ValueError(msg)
        if not np.all(np.isfinite(self.time_s)) or np.any(np.diff(self.time_s) <= 0):
            msg = "time_s must be finite and strictly increasing"
            raise ValueError(msg)
        optional = (self.world_m, self.heads, self.outline_px)
        for array in (self.time_s, self.xy_px, self.confidence, self.n_people, *optional):
            if array is not None:
                array.setflags(write=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AthletePoint:
    """Where a person said the athlete is: this place of the upright picture, in this frame."""

    frame: int
    x_px: float
    y_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialContext:
    """What is known about the trial apart from the video."""

    movement: Movement = Movement.DROP_VERTICAL_JUMP
    view: View = View.FRONTAL
    box_height_cm: float | None = None
    stature_cm: float | None = None
    sex: Sex = Sex.UNSPECIFIED
    athlete_at: AthletePoint | None = None
    """None: whoever performs the movement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinematics:
    """Angles and lengths over time, at the frame times of the video.

    Series names carry their unit: ``fppa_left_deg``, ``fppa_right_deg``, ``trunk_lean_deg``,
    ``knee_ankle_separation_ratio``, ``knee_flexion_left_deg``, ``knee_flexion_right_deg`` ...
    """

    time_s: FloatArray
    """(T,) frame times."""
    rate_hz: float
    """Median sampling rate, used to design filters."""
    series: Mapping[str, FloatArray]
    """Each (T,), NaN where not measurable."""

    def __post_init__(self) -> None:
        """Check that every series has one value per frame, and lock the arrays."""
        for name, values in self.series.items():
            if values.shape != self.time_s.shape:
                msg = f"series {name} must have shape {self.time_s.shape}, got {values.shape}"
                raise ValueError(msg)
            values.setflags(write=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An instant of the movement."""

    name: EventName
    side: Side
    time_s: float
    """Sub-frame time on the clock of the video's timestamps."""
    frame: int
    """The nearest frame."""
    sd_s: float
    """Standard deviation of the instant."""
    source: EventSource = EventSource.AUTO
    repetition: int | None = None
    """Which repetition or stride it belongs to, from 1; None in a movement that is done once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of the result."""

    key: str
    side: Side
    value: float | None
    """None where the recording does not allow the number; a finding says why."""
    unit: str
    event: str
    """The instant or window the value belongs to: an event name, ``peak``, ``minimum`` or ``landing``."""
    se: float | None
    """Standard error in the same unit."""
    repetition: int | None = None
    """The repetition or stride it was read from, from 1; None for the value of the whole trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFinding:
    """Something about the recording that the user should know, and what to do about it."""

    code: str
    severity: Severity
    message: str
    how_to_fix: str
    frame: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlaggedFrame:
    """A frame worth looking at."""

    frame: int
    time_s: float
    reason: str
    """An event name, ``peak_valgus``, ``lowest_point`` or a finding's code."""
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreComponent:
    """One part of the risk score: how probably the true value lies beyond its cut-off."""

    key: str
    side: Side
    value: float
    unit: str
    cutoff: float
    probability: float
    weight: float
    mark: str
    """Provenance of the cut-off: ``V`` published and read, ``M`` from memory of the paper, ``P`` ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskScore:
    """The composite: 0 as in good landings, 100 furthest from them. A movement screen, not a risk of injury."""

    value: float
    band: str
    band_probability: float
    interval_90: tuple[float, float]
    coverage: float
    """Share of the full score's weight that this recording could show, 0-1."""
    scope: str
    """``frontal`` or ``full``."""
    components: tuple[ScoreComponent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """The recording was measured and judged."""

    verdict: Verdict
    findings: tuple[QualityFinding, ...]
    events: tuple[Event, ...]
    metrics: tuple[Metric, ...]
    risk_score: RiskScore | None
    flagged_frames: tuple[FlaggedFrame, ...]
    kinematics: Kinematics


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The recording cannot be used for what was asked; whatever can still be trusted is kept."""

    findings: tuple[QualityFinding, ...]
    events: tuple[Event, ...] = ()
    metrics: tuple[Metric, ...] = ()
    flagged_frames: tuple[FlaggedFrame, ...] = ()
    kinematics: Kinematics | None = None
    retimed_by: float | None = None
    """How many times slower than real the video plays, where it is one of the factors of slow-motion exports: it
    may be measured again at its true speed."""
    verdict: Verdict = field(default=Verdict.INVALID, init=False)


Outcome = Assessed | Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodStamp:
    """What produced an analysis; every number carries it."""

    version: str
    model_sha256: str
    code_version: str
