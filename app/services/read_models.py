"""What the services return: frozen, complete, free of the database. Pages and schemas are made from these.

Every id is a UUIDv7; every time is an aware UTC `datetime`. A list comes as a `Page` with the cursor
of the next one, or None on the last. Cursors are opaque: hand back what you were given.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from app.biomech.corrections import CorrectionKind, Fields
from app.biomech.types import Movement, QualityFinding, Sex, Verdict, View
from app.db.repositories.corrections import Actor
from app.domain.access import Permission, Principal, Role
from app.domain.athletes import AthleteRecord
from app.domain.lifecycle import PicturesState, RecordingState, Stage
from app.domain.screenings import ScreeningContext
from app.domain.versions import tag_of
from app.services.analysis_record import AnalysisRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of a list, in order."""

    items: tuple[T, ...]
    next_cursor: str | None
    """Hand this back as `cursor` for what follows; None when this is the end."""


# --- accounts ---


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationSummary:
    """A club, school or clinic."""

    id: UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSummary:
    """A person who can sign in, in one organisation."""

    id: UUID
    organisation_id: UUID
    email: str
    display_name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A fresh login. The token is known here and in the cookie only; the database holds its SHA-256."""

    token: str = field(repr=False)
    session_id: UUID
    principal: Principal
    expires_at: datetime
    """The absolute end; without use it ends earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStep:
    """The password was right, and a second factor is asked for. The token ties the two steps together."""

    token: str = field(repr=False)
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySummary:
    """An API key, without its secret."""

    id: UUID
    name: str
    prefix: str
    """The visible beginning, ``pl_live_<id>``."""
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    team_ids: frozenset[UUID] | None = None
    """The only teams it sees; None: the whole organisation."""
    previous_until: datetime | None = None
    """Until then the secret before the last rotation opens, too."""

    @property
    def tag(self) -> str:
        """Name the version: another one after it was rotated or ended."""
        return tag_of(self.id, self.revoked_at, self.previous_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """An API key just made; the only time its secret can be read."""

    key: str = field(repr=False)
    summary: ApiKeySummary


# --- roster ---


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamSummary:
    """A group of athletes."""

    id: UUID
    name: str
    n_athletes: int
    sport: str | None = None
    season: str | None = None
    archived_at: datetime | None = None
    """Since when it is offered no more."""

    @property
    def tag(self) -> str:
        """Name the version: all that an edit of the team can change; who is in it is a matter of the athletes."""
        return tag_of(self.id, self.name, self.sport, self.season, self.archived_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteSummary:
    """A person on the roster."""

    id: UUID
    name: str
    external_id: str | None
    """The organisation's own number for this person."""
    sex: Sex
    stature_cm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMembership:
    """A team an athlete is in."""

    id: UUID
    name: str
    n_athletes: int
    bib: str | None
    """What the athlete wears in this team."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteDetail:
    """A person on the roster, with the teams they are in."""

    record: AthleteRecord
    teams: tuple[TeamMembership, ...]
    created_at: datetime
    updated_at: datetime


class DashboardSort(StrEnum):
    """What the dashboard can be sorted by; every order ends with the name, then the id."""

    ATTENTION = "attention"
    """Who needs a look first: marked deviations, then unusable recordings, then the rest by score."""
    NAME = "name"
    SCORE = "score"
    DATE = "date"
    BAND = "band"
    VERDICT = "verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardRow:
    """One athlete of a team: the latest recording, and the latest result there is.

    While a new recording is being processed, the result fields still show the one before it;
    `result_recording_id` says which recording they belong to. All None: never filmed.
    """

    athlete: AthleteSummary
    flagged: bool
    """Somebody should look: marked deviations, or a latest recording that could not be used."""
    recording_id: UUID | None
    state: RecordingState | None
    stage: Stage | None
    progress: float | None
    recorded_at: datetime | None
    """When the latest recording arrived."""
    result_recording_id: UUID | None
    result_at: datetime | None
    screened_on: date | None
    """The day of the screening that the result belongs to."""
    verdict: Verdict | None
    score: float | None
    band: str | None
    band_probability: float | None
    coverage: float | None
    scope: str | None
    finding_codes: tuple[str, ...]
    interval_90: tuple[float, float] | None = None
    """90 % interval of the score."""
    fppa_both_deg: float | None = None
    """Mean FPPA of both knees at the lowest point (peak knee flexion) of the result."""
    fppa_both_se_deg: float | None = None
    queue_position: int | None = None
    """Of the latest recording; 1 means next; None unless queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardCounts:
    """How the team stands; whole team, not page."""

    n_athletes: int
    n_screened: int
    """Athletes with a usable result."""
    n_flagged: int
    n_film_again: int
    """Athletes whose latest finished recording could not be used."""
    n_in_progress: int
    n_not_filmed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamDashboard:
    """A team at a glance."""

    team: TeamSummary
    sort: DashboardSort
    descending: bool
    rows: tuple[DashboardRow, ...]
    next_cursor: str | None
    counts: DashboardCounts


# --- recordings ---


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisView:
    """One analysis of one recording."""

    id: UUID
    recording_id: UUID
    created_at: datetime
    record: AnalysisRecord
    pictures: PicturesState | None
    """They follow the numbers; None when there is nothing to draw."""
    has_overlay: bool
    has_kinematics: bool
    still_frames: tuple[int, ...]
    """Frames for which a still picture is stored, in order."""


class CorrectionStatus(StrEnum):
    """What has become of a correction."""

    APPLIED = "applied"
    """The analysis holds it."""
    UNDONE = "undone"
    """Taken back; analyses made before that hold it still."""
    WAITING = "waiting"
    """The video is being read again for it."""
    NOT_APPLICABLE = "not_applicable"
    """It stands, but is about another person's track, or an error that only another reading has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionView:
    """Something that a person put right: who, when, why, what was there, what is there now."""

    id: UUID
    recording_id: UUID
    analysis_id: UUID
    """The analysis that was looked at."""
    kind: CorrectionKind
    before: Fields
    after: Fields
    reason: str | None
    by: Actor
    created_at: datetime
    status: CorrectionStatus
    undone_at: datetime | None
    undone_by: Actor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingView:
    """One uploaded video and its life so far."""

    id: UUID
    state: RecordingState
    stage: Stage | None
    """How far the present attempt is; None unless processing."""
    progress: float
    """0-1; 1 when analysed or rejected."""
    attempt: int
    max_attempts: int
    queue_position: int | None
    """1 means next; None unless queued."""
    athlete: AthleteSummary | None
    """None while the recording waits in the inbox."""
    screening_id: UUID | None
    trial_id: UUID | None
    screened_on: date
    context: ScreeningContext
    movement: Movement
    view: View
    box_height_cm: float | None
    filename: str
    """As the user named it; for display only."""
    size_bytes: int
    sha256: str
    created_at: datetime
    updated_at: datetime
    analysis: AnalysisView | None
    """The latest; a rejected recording has one too, and it says why."""
    findings: tuple[QualityFinding, ...]
    """The latest analysis's findings, or why the file was refused before any analysis."""
    failure: str | None
    """Stable code of what went wrong when the state is failed: ``reader_died``, ``lease_expired`` or ``internal_error``."""
    corrections: tuple[CorrectionView, ...] = ()
    """What people put right in it and did not take back, in order."""
    dropped: bool = False
    """A person left this trial out: it counts in no mean and on no dashboard."""
    has_original: bool = True
    """Whether the video as it was uploaded is still there, and may be seen by whoever asks."""
    captured_at: datetime | None = None
    """When it was filmed, as whoever sent it said."""

    @property
    def awaits_pictures(self) -> bool:
        """Whether the result is there and its pictures are still to come."""
        return self.analysis is not None and self.analysis.pictures is PicturesState.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSummary:
    """One line of a list of recordings."""

    id: UUID
    state: RecordingState
    stage: Stage | None
    progress: float
    athlete: AthleteSummary | None
    movement: Movement
    view: View
    filename: str
    screened_on: date
    created_at: datetime
    updated_at: datetime
    verdict: Verdict | None
    score: float | None
    band: str | None
    band_probability: float | None
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRecording:
    """The answer to an upload."""

    recording: RecordingView
    replayed: bool
    """True when the same Idempotency-Key had already made this recording; nothing new was kept."""
    existing: bool = False
    """True when the same file had come before for this athlete and movement: this is what it became then."""


class BlobKind(StrEnum):
    """Files of a recording that can be looked at."""

    ORIGINAL = "original"
    OVERLAY = "overlay"
    STILL = "still"


class RangeReader(Protocol):
    """Reads part of one file."""

    def __call__(self, *, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes start to end, the end exclusive."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBlob:
    """A file ready to be sent, whole or in part. Reading it needs no unit of work."""

    size_bytes: int
    media_type: str
    etag: str
    """Changes when the content does; without quotes."""
    filename: str
    """A safe name to save it under."""
    read: RangeReader

    def iter_range(self, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield bytes start to end, the end exclusive; the whole file when neither is given."""
        return self.read(start=start, end=self.size_bytes if end is None else end)
