"""What each page is given: one frozen dataclass per template, and the parts they are made of.

Everything here is ready to be shown. A test holds each class against what its template uses, both ways.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from markupsafe import Markup


class Tone(StrEnum):
    """How a badge looks; its icon and words say the same without colour."""

    NEUTRAL = "neutral"
    GOOD = "good"
    SOME = "some"
    MARKED = "marked"
    AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A few words with an icon."""

    tone: Tone
    icon: str
    text: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who is signed in."""

    display_name: str
    organisation_name: str | None = None
    may_switch: bool = False
    """They belong to more than one organisation."""
    second_factor_due: str | None = None
    """From this day on the organisation asks for a second factor, and they have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Somewhere to go."""

    label: str
    href: str
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What every page has."""

    template: ClassVar[str]
    title: str
    viewer: Viewer | None
    csrf_token: str
    crumbs: tuple[Link, ...] = ()
    refresh_s: int | None = None
    """Reload after so many seconds where there is no JavaScript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong and what to do next."""

    message: str
    how_to_fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage(Page):
    """The sign-in form."""

    template: ClassVar[str] = "sign_in.html"
    email: str
    next_path: str
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(Page):
    """Something went wrong."""

    template: ClassVar[str] = "error.html"
    status: int
    problem: Problem
    home: Link
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTile:
    """One number at the top of the dashboard."""

    count: int
    label: str
    hint: str
    tone: Tone
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SortHeading:
    """A column heading that sorts."""

    key: str
    label: str
    href: str | None
    sorted_as: str | None
    """``ascending``, ``descending`` or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMark:
    """A score with what is needed to read it."""

    value: str
    interval: str
    scope_note: str | None
    scale: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the work on a recording."""

    label: str
    is_done: bool
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a recording is."""

    headline: str
    detail: str
    percent: int
    is_waiting: bool
    stages: tuple[Stage, ...] = ()
    attempt_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow:
    """One athlete on the team dashboard, with the latest recording."""

    athlete_name: str
    detail: str | None
    athlete_href: str
    href: str | None
    """The latest recording; None before there is one."""
    upload_href: str | None
    band: Badge | None
    verdict: Badge | None
    score: ScoreMark | None
    fppa: str | None
    fppa_error: str | None
    date_iso: str | None
    date_text: str | None
    note: str | None
    progress: Progress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardPage(Page):
    """A team: who needs attention, and who has not been screened."""

    template: ClassVar[str] = "dashboard.html"
    team_name: str
    teams: tuple[Link, ...]
    tiles: tuple[CountTile, ...]
    headings: tuple[SortHeading, ...]
    rows: tuple[RosterRow, ...]
    n_athletes: str
    n_running: int
    live_href: str
    """Where the live part of the page is fetched again."""
    sort_links: tuple[Link, ...]
    next_href: str | None
    nothing_recorded: bool
    first_upload_href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTeamsPage(Page):
    """Signed in, and nothing there yet."""

    template: ClassVar[str] = "no_teams.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An option of a select or a radio group."""

    value: str
    label: str
    chosen: bool
    hint: str = ""
    has_box: bool = False
    """Of a movement: it starts on a box or step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPage(Page):
    """The upload form."""

    template: ClassVar[str] = "upload.html"
    teams: tuple[Choice, ...]
    """By which the athletes are listed; empty where there is no team."""
    athletes: tuple[Choice, ...]
    athletes_note: str | None
    movements: tuple[Choice, ...]
    views: tuple[Choice, ...]
    box_height_cm: str
    trial_number: str
    problem: Problem | None
    field_errors: dict[str, str]
    limits: str
    max_upload_bytes: int
    action: str
    cancel: Link


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
class LessPanel:
    """The LESS of the recording's trial, with a total or without."""

    value: str
    of: str
    category: Badge | None
    sentence: str
    partner: str | None
    """How front and side were put together."""
    sub_scores: tuple[str, ...]
    rows: tuple[LessRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCell:
    """A value with its standard error."""

    value: str
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One measure at one instant."""

    label: str
    hint: str | None
    instant: str
    left: MetricCell | None
    right: MetricCell | None
    both: MetricCell | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of the provenance list."""

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPanel:
    """What became of the recording, in words."""

    badge: Badge
    headline: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """What became of one number since an earlier screening."""

    label: str
    detail: str
    """Instant and side."""
    badge: Badge
    drawing: Markup | None
    """The difference with its interval; None where there is none."""
    before: str
    after: str
    words: str


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
    metrics: tuple[MetricRow, ...]
    facts: tuple[Fact, ...]
    upload_href: str | None
    retry_href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One number over the screenings."""

    label: str
    hint: str
    wide: Markup
    narrow: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRow:
    """One movement of one screening, as a line of the table."""

    date_iso: str
    date_text: str
    occasion: str
    score: str
    band: Badge | None
    fppa: str
    trials: str
    method: str
    break_note: str | None
    """Why the series does not go on from the line below."""
    recordings: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementTrend:
    """One movement over time: drawings, and the table that says the same."""

    key: str
    label: str
    trends: tuple[Trend, ...]
    rows: tuple[ScreeningRow, ...]
    """Newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AthletePage(Page):
    """One athlete over time."""

    template: ClassVar[str] = "athlete.html"
    is_own: bool
    """Seen by the athlete's or guardian's own login."""
    athlete_name: str
    detail: str
    teams: tuple[Link, ...]
    change: ChangePanel | None
    """The newest screening against the nearest earlier one, in the movement screened last."""
    movements: tuple[MovementTrend, ...]
    upload_href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPage(Page):
    """Somebody decides for an athlete, by a link: the code, the decision, the thanks."""

    template: ClassVar[str] = "consent.html"
    step: str
    """``open``, ``decide`` or ``done``."""
    problem: Problem | None = None
    token: str = ""
    organisation_name: str = ""
    athlete_name: str = ""
    paragraphs: tuple[str, ...] = ()
    waiting_note: str = ""
    purposes: tuple[Choice, ...] = ()
    relations: tuple[Choice, ...] = ()
    given_by: str = ""
    later_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStartPage(Page):
    """A roster file is chosen."""

    template: ClassVar[str] = "import_start.html"
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportColumnField:
    """A column of the file, and what it may be taken for."""

    header: str
    samples: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportQuestion:
    """Something only a person can know."""

    name: str
    legend: str
    hint: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A row of the file and what becomes of it."""

    number: int
    outcome: str
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReviewPage(Page):
    """A roster file before it is imported, and after."""

    template: ClassVar[str] = "import_review.html"
    filename: str
    summary: str
    problem: Problem | None
    finished: bool
    action: str
    columns: tuple[ImportColumnField, ...]
    questions: tuple[ImportQuestion, ...]
    caption: str
    rows: tuple[ImportRow, ...]
    confirm_action: str | None
    undo_action: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A time, for programs and for readers."""

    iso: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitedTo:
    """What an invitation is for."""

    organisation_name: str
    role: str
    email: str
    has_account: bool
    """They type the password they have; otherwise they choose one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinPage(Page):
    """Coming in by an invitation: first its code, then name and password."""

    template: ClassVar[str] = "join.html"
    token: str
    invited: InvitedTo | None
    entered_name: str
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasswordPage(Page):
    """A new password by a link."""

    template: ClassVar[str] = "new_password.html"
    token: str
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgotPasswordPage(Page):
    """Asking for a link by mail."""

    template: ClassVar[str] = "forgot_password.html"
    can_mail: bool
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRow:
    """One browser that is signed in."""

    id: str
    browser: str
    last_seen: When
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRow:
    """An athlete linked to the login that looks."""

    name: str
    screenings: str
    consent: str
    results_href: str
    consent_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage(Page):
    """The home of an athlete's or guardian's login."""

    template: ClassVar[str] = "own.html"
    done: str | None
    athletes: tuple[OwnRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnConsentPage(Page):
    """Deciding about a linked athlete, signed in."""

    template: ClassVar[str] = "own_consent.html"
    action: str
    athlete_name: str
    paragraphs: tuple[str, ...]
    waiting_note: str
    purposes: tuple[Choice, ...]
    relations: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRow:
    """An organisation of somebody's."""

    id: str
    name: str
    role: str
    is_this: bool
    is_open: bool
    """This login may go there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationsPage(Page):
    """Where somebody belongs."""

    template: ClassVar[str] = "organisations.html"
    organisations: tuple[OrganisationRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What somebody has beside the password."""

    has_app: bool
    n_recovery_codes: int
    passkeys: tuple["PasskeyRow", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRow:
    """One passkey of somebody."""

    id: str
    name: str
    is_synced: bool
    last_used: "When | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStepPage(Page):
    """The second step of a sign-in."""

    template: ClassVar[str] = "second_step.html"
    next_path: str
    has_app: bool
    has_passkeys: bool
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPage(Page):
    """Proving again who one is, before a change of security."""

    template: ClassVar[str] = "confirm.html"
    next_path: str
    asks_code: bool
    has_passkeys: bool
    organisation_id: str | None
    """Came in by its identity provider, and may prove it there again."""
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSetupPage(Page):
    """What an authenticator app must be told."""

    template: ClassVar[str] = "app_setup.html"
    tabs: tuple[Link, ...]
    problem: Problem | None
    qr_code: Markup
    secret: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesPage(Page):
    """Codes that stand in for a lost second factor, shown once."""

    template: ClassVar[str] = "recovery_codes.html"
    tabs: tuple[Link, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindProviderPage(Page):
    """Finding the identity provider of one's organisation."""

    template: ClassVar[str] = "find_provider.html"
    next_path: str
    email: str
    problem: Problem | None
    providers: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingPage(Page):
    """On the way to an identity provider; the page goes on by itself."""

    template: ClassVar[str] = "leaving.html"
    provider_name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderForm:
    """An organisation's identity provider, as entered."""

    exists: bool
    name: str
    issuer: str
    client_id: str
    has_secret: bool
    domains: str
    newcomers: tuple[Choice, ...]
    is_enabled: bool
    redirect_uri: str
    start_link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRulesPage(Page):
    """What the organisation asks for at its door."""

    template: ClassVar[str] = "settings_sign_in.html"
    tabs: tuple[Link, ...]
    problem: Problem | None
    done: str | None
    roles: tuple[Choice, ...]
    grace: tuple[Choice, ...]
    starts: When | None
    provider: ProviderForm


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityPage(Page):
    """A person's own way in."""

    template: ClassVar[str] = "settings_security.html"
    tabs: tuple[Link, ...]
    problem: Problem | None
    done: str | None
    factors: Factors
    is_required: bool
    """The organisation asks for a second factor, and nothing else opens before there is one."""
    logins: tuple[LoginRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeLink:
    """A link or key just made, to be copied now."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """Somebody who belongs to the organisation."""

    id: str
    name: str
    email: str
    roles: tuple[Choice, ...]
    sees: str
    last_seen: When | None
    has_second_factor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    """Somebody who may become a member."""

    id: str
    email: str
    role: str
    expires: When


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersPage(Page):
    """Who belongs to the organisation, and who is invited."""

    template: ClassVar[str] = "settings_members.html"
    tabs: tuple[Link, ...]
    problem: Problem | None
    done: str | None
    made: OneTimeLink | None
    members: tuple[MemberRow, ...]
    invitations: tuple[InvitationRow, ...]
    new_roles: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    entered_email: str
    can_mail: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One API key."""

    id: str
    name: str
    prefix: str
    scopes: str
    state: str
    is_open: bool
    last_used: When | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysPage(Page):
    """The organisation's API keys."""

    template: ClassVar[str] = "settings_keys.html"
    tabs: tuple[Link, ...]
    problem: Problem | None
    done: str | None
    made: OneTimeLink | None
    keys: tuple[KeyRow, ...]
    scopes: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    entered_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow:
    """One webhook."""

    id: str
    url: str
    description: str
    told: str
    """What it is told of, in words."""
    state: Badge
    fate: str
    """What waits and what was given up, in words."""
    last_delivered: When | None
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksPage(Page):
    """Which other systems are told of what happens."""

    template: ClassVar[str] = "settings_webhooks.html"
    tabs: tuple[Link, ...]
    problem: Problem | None
    done: str | None
    made: OneTimeLink | None
    webhooks: tuple[WebhookRow, ...]
    events: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    entered_url: str
    entered_description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One message to a webhook."""

    id: str
    event: str
    state: Badge
    happened: When
    last: str
    """What the last attempt came to, in words."""
    answer: str
    next_attempt: When | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPage(Page):
    """One webhook and what was sent there."""

    template: ClassVar[str] = "settings_webhook.html"
    tabs: tuple[Link, ...]
    problem: Problem | None
    done: str | None
    made: OneTimeLink | None
    webhook: WebhookRow
    deliveries: tuple[DeliveryRow, ...]
    states: tuple[Link, ...]
    more_href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One export."""

    id: str
    title: str
    detail: str
    """What was asked for, in words."""
    asked: When
    state: Badge
    percent: int | None
    """How far it is; None once it is not being made any more."""
    size: str
    expires: When | None
    file_href: str | None
    can_remove: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportsPage(Page):
    """Files of measurements: asked for, being made, ready to be fetched."""

    template: ClassVar[str] = "exports.html"
    problem: Problem | None
    done: str | None
    exports: tuple[ExportRow, ...]
    is_live: bool
    """Something is being made: the list is asked for again."""
    formats: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    movements: tuple[Choice, ...]
    entered_from: str
    entered_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """A screening day in the list."""

    href: str
    name: str
    team_name: str
    when: When
    protocol: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysPage(Page):
    """Screening days there are, and the form for another."""

    template: ClassVar[str] = "screening_days.html"
    days: tuple[DayLine, ...]
    next_href: str | None
    may_plan: bool
    problem: Problem | None
    teams: tuple[Choice, ...]
    movements: tuple[Choice, ...]
    occasions: tuple[Choice, ...]
    entered: dict[str, str]
    """What stands in the other fields of the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLine:
    """A phone at a station, or a code that waits for one."""

    text: str
    when: When
    end_action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StationCard:
    """A station on the trainer's page."""

    name: str
    view: str
    open_action: str
    phones: tuple[PhoneLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinCode:
    """A code just made, to be typed or scanned now."""

    station_name: str
    code: str
    address: str
    qr: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMark:
    """One trial of one athlete on the board."""

    tone: Tone
    icon: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMarks:
    """An athlete's trials from one view."""

    view: str | None
    """None where there is only one."""
    marks: tuple[TrialMark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardLine:
    """One athlete on the board."""

    name: str
    bib: str | None
    views: tuple[ViewMarks, ...]
    note: str
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPage(Page):
    """A screening day for the trainer: stations, and how far everybody is."""

    template: ClassVar[str] = "screening_day.html"
    day_name: str
    subtitle: str
    is_open: bool
    may_change: bool
    stations: tuple[StationCard, ...]
    made: JoinCode | None
    tiles: tuple[CountTile, ...]
    lines: tuple[BoardLine, ...]
    inbox_href: str | None
    n_inbox: int
    cards_href: str
    state_action: str
    live_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AthleteCard:
    """A card to be printed and worn."""

    name: str | None
    bib: str | None
    qr: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsPage(Page):
    """The cards of everybody of a day."""

    template: ClassVar[str] = "day_cards.html"
    day_name: str
    cards: tuple[AthleteCard, ...]
    other_form: Link
    """The same with or without names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxGuess:
    """Somebody a recording may show."""

    value: str
    label: str
    reasons: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxCard:
    """A recording that needs somebody."""

    id: str
    heading: str
    why: str
    where: str
    when: When
    state: str
    still_href: str | None
    video_href: str | None
    guesses: tuple[InboxGuess, ...]
    keep: InboxGuess | None
    """For a doubtful one: it is right as it is."""
    has_choice: bool
    """Something is chosen from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage(Page):
    """Recordings that need somebody."""

    template: ClassVar[str] = "inbox.html"
    subtitle: str
    cards: tuple[InboxCard, ...]
    people: tuple[str, ...]
    """Everybody who may be chosen, as one types them."""
    action: str
    n_likely: int
    done: str | None
    problems: tuple[str, ...]
    undo_ids: tuple[str, ...]
    undo_action: str
    next_href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPerson:
    """Somebody to be filmed, in the list of a station."""

    id: str
    card: str
    name: str
    bib: str | None
    note: str
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPage(Page):
    """A phone at a station; before that, the form for its code."""

    template: ClassVar[str] = "station.html"
    is_inside: bool
    token: str
    problem: Problem | None
    done: str | None
    day_name: str
    station_name: str
    guide: str
    is_open: bool
    people: tuple[StationPerson, ...]
    max_upload_bytes: int


PAGES: tuple[type[Page], ...] = (
    SignInPage,
    ErrorPage,
    DashboardPage,
    NoTeamsPage,
    UploadPage,
    RecordingPage,
    AthletePage,
    ConsentPage,
    ImportStartPage,
    ImportReviewPage,
    JoinPage,
    NewPasswordPage,
    ForgotPasswordPage,
    SecurityPage,
    OwnPage,
    OwnConsentPage,
    OrganisationsPage,
    SecondStepPage,
    ConfirmPage,
    AppSetupPage,
    RecoveryCodesPage,
    SignInRulesPage,
    FindProviderPage,
    LeavingPage,
    MembersPage,
    KeysPage,
    WebhooksPage,
    WebhookPage,
    ExportsPage,
    DaysPage,
    DayPage,
    CardsPage,
    InboxPage,
    StationPage,
)
