"""One recording and its result."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from app.web.contexts.parts import Badge, Fact, Page, Progress, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCard:
    """One finding with its advice."""

    tone: Tone
    icon: str
    label: str
    code: str
    message: str
    how_to_fix: str
    still_href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An instant of the movement to jump to."""

    label: str
    time_s: float
    time_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """The video and what to jump to."""

    src: str
    media_type: str
    is_overlay: bool
    poster: str | None
    original_href: str | None
    """None where the video as it was uploaded is gone, or not for whoever looks."""
    frame_times: str
    """Presentation time of every frame, comma separated; empty when not known."""
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveRow:
    """One line of the table behind the curves."""

    moment: str
    time: str
    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Both knees over time."""

    wide: Markup
    narrow: Markup
    summary: str
    key_rows: tuple[CurveRow, ...]
    rows: tuple[CurveRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A flagged frame."""

    href: str
    caption: str
    time: str
    time_s: float
    alt: str
    dom_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentRow:
    """One part of the score."""

    label: str
    side: str
    value: str
    cutoff: str
    mark: str
    mark_label: str
    is_ours: bool
    probability: str
    probability_percent: int
    weight: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkNote:
    """What a mark beside a cut-off means."""

    mark: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePanel:
    """The score with everything that limits it."""

    label: str
    value: str
    band: Badge
    band_note: str
    interval: str
    coverage: str
    missing: str | None
    scale: Markup
    components: tuple[ComponentRow, ...]
    marks: tuple[MarkNote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LessRow:
    """One item of the LESS."""

    number: str
    name: str
    rule: str
    view: str
    answer: str
    note: str
    mark: str
    mark_label: str
    is_ours: bool
    probability: str | None
    probability_percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """What became of one number since an earlier screening."""

    label: str
    detail: str
    """Instant and side, or since when."""
    badge: Badge
    drawing: Markup | None
    """The difference with its interval; None where there is none."""
    before: str
    after: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LessContext:
    """The total of the whole screening, beside published ones and beside the one before."""

    over_trials: str | None
    """The total by the rule of two trials in three; None with a single trial."""
    norm: str
    """Where the total lies against published ones, or why there are none that fit."""
    share: str | None
    caveat: str | None
    change: ChangeRow | None
    """None when there is no earlier total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LessPanel:
    """The LESS of the recording's trial, with a total or without."""

    value: str
    of: str
    category: Badge | None
    sentence: str
    partner: str | None
    """How front and side were put together."""
    sub_scores: tuple[str, ...]
    context: LessContext | None
    """None without a total."""
    rows: tuple[LessRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCell:
    """A value with its standard error."""

    value: str
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One measure at one instant."""

    instant: str
    left: MetricCell | None
    right: MetricCell | None
    both: MetricCell | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricGroup:
    """One measure at all its instants."""

    label: str
    hint: str | None
    rows: tuple[MetricRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsPanel:
    """All measures of a recording."""

    main: tuple[MetricGroup, ...]
    more: tuple[MetricGroup, ...]
    """Shown when asked for: further measures, and those of single repetitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPanel:
    """What became of the recording, in words."""

    badge: Badge
    headline: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePanel:
    """The screening against an earlier one: real change or noise."""

    headline: str
    since: str
    notice: str | None
    """Why nothing can be compared; None when it can."""
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPage(Page):
    """One recording: its progress, or its result, or why there is none."""

    template: ClassVar[str] = "recording.html"
    athlete_name: str
    subtitle: str
    date_iso: str
    date_text: str
    live_href: str
    came_again: bool
    """Somebody just sent this very file again; nothing new was made of it."""
    progress: Progress | None
    verdict: VerdictPanel | None
    findings: tuple[FindingCard, ...]
    player: Player | None
    curves: Curves | None
    stills: tuple[Still, ...]
    pictures_href: str | None
    """Where the pictures are asked for while they are being drawn."""
    pictures_note: str | None
    """Why there are no pictures, when there should be some."""
    score: ScorePanel | None
    change: ChangePanel | None
    """Against the nearest earlier screening; None when there is none."""
    less: LessPanel | None
    metrics: MetricsPanel | None
    facts: tuple[Fact, ...]
    upload_href: str | None
    retry_href: str | None
    delete_href: str | None
