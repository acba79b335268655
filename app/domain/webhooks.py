"""What other systems are told of, and what follows from an act of ours.

The messages follow the Standard Webhooks specification. They name what happened and to which ids, never a person,
a measure or a judgement: whoever is told reads those with a key of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from app.domain.audit import Act
from app.domain.lifecycle import AnalysisOrigin, Trigger


class WebhookEvent(StrEnum):
    """What a message can be about; stored and sent by value."""

    CAPTURE_REFUSED = "capture.refused"
    RECORDING_RECEIVED = "recording.received"
    RECORDING_AWAITING_CONSENT = "recording.awaiting_consent"
    RECORDING_READY = "recording.ready"
    RECORDING_NEEDS_REVIEW = "recording.needs_review"
    RECORDING_REJECTED = "recording.rejected"
    RECORDING_FAILED = "recording.failed"
    RECORDING_MOVED = "recording.moved"
    RECORDING_PURGED = "recording.purged"
    ANALYSIS_RECORDED = "analysis.recorded"
    ANALYSIS_CORRECTED = "analysis.corrected"
    ANALYSIS_REANALYSED = "analysis.reanalysed"
    SCREENING_JUDGED = "screening.judged"
    DAY_PLANNED = "screening_day.planned"
    DAY_CLOSED = "screening_day.closed"
    DAY_REOPENED = "screening_day.reopened"
    ATHLETE_CREATED = "athlete.created"
    ATHLETE_UPDATED = "athlete.updated"
    ATHLETE_MERGED = "athlete.merged"
    ATHLETE_ERASED = "athlete.erased"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    ROSTER_IMPORTED = "roster.imported"
    ROSTER_CHANGE_UNDONE = "roster.change_undone"
    REANALYSIS_READY = "reanalysis.ready"
    REANALYSIS_DONE = "reanalysis.done"
    EXPORT_READY = "export.ready"
    EXPORT_FAILED = "export.failed"
    TEST = "webhook.test"


DESCRIPTIONS: Mapping[WebhookEvent, str] = MappingProxyType(
    {
        WebhookEvent.CAPTURE_REFUSED: "What came for an announced recording is no video we can use; its problem says why.",
        WebhookEvent.RECORDING_RECEIVED: "A video has arrived.",
        WebhookEvent.RECORDING_AWAITING_CONSENT: "A video is kept, and not analysed before there is consent.",
        WebhookEvent.RECORDING_READY: "A video was analysed and has a result.",
        WebhookEvent.RECORDING_NEEDS_REVIEW: "A new analysis is to be used with care: its findings say what to look at.",
        WebhookEvent.RECORDING_REJECTED: "A video cannot be judged; its findings say why and what to do.",
        WebhookEvent.RECORDING_FAILED: "Every attempt at a video failed on our side.",
        WebhookEvent.RECORDING_MOVED: "Recordings were given to another athlete, or to none.",
        WebhookEvent.RECORDING_PURGED: "A video and its measures are no longer kept.",
        WebhookEvent.ANALYSIS_RECORDED: "There is a new analysis, made from the video.",
        WebhookEvent.ANALYSIS_CORRECTED: "A person put something right, or took it back: a new analysis replaces one.",
        WebhookEvent.ANALYSIS_REANALYSED: "A new version of the method was accepted: a new analysis replaces one.",
        WebhookEvent.SCREENING_JUDGED: "What is judged over a screening's trials may have changed.",
        WebhookEvent.DAY_PLANNED: "A screening day was planned.",
        WebhookEvent.DAY_CLOSED: "A screening day is over: it takes nothing new.",
        WebhookEvent.DAY_REOPENED: "A screening day that was over goes on.",
        WebhookEvent.ATHLETE_CREATED: "Somebody is new on the roster.",
        WebhookEvent.ATHLETE_UPDATED: "Something about an athlete has changed.",
        WebhookEvent.ATHLETE_MERGED: "Two records of one person became one.",
        WebhookEvent.ATHLETE_ERASED: "An athlete was erased; erase your copies, too.",
        WebhookEvent.CONSENT_GIVEN: "Consent was given for what the message names.",
        WebhookEvent.CONSENT_WITHDRAWN: "Consent was refused or withdrawn for something.",
        WebhookEvent.ROSTER_IMPORTED: "A roster file was imported.",
        WebhookEvent.ROSTER_CHANGE_UNDONE: "An import, a merge or a move was taken back.",
        WebhookEvent.REANALYSIS_READY: "The preview of a re-analysis is whole; accept it or call it off.",
        WebhookEvent.REANALYSIS_DONE: "A re-analysis has put its last analysis in place.",
        WebhookEvent.EXPORT_READY: "A file that was asked for can be fetched.",
        WebhookEvent.EXPORT_FAILED: "A file that was asked for could not be made.",
        WebhookEvent.TEST: "Sent by the test button; always delivered.",
    }
)
"""One line each; the docs and the settings page show them."""

CHOSEN = tuple(event for event in WebhookEvent if event is not WebhookEvent.TEST)
"""What an endpoint can ask for."""
TOLD_TO_ALL = frozenset({WebhookEvent.ATHLETE_ERASED, WebhookEvent.ATHLETE_MERGED})
"""Told also to endpoints of some teams only: who is gone belongs to no team any more."""

EVENT_OF_STEP: Mapping[Trigger, WebhookEvent] = MappingProxyType(
    {
        Trigger.UPLOADED: WebhookEvent.RECORDING_RECEIVED,
        Trigger.CONSENT_MISSING: WebhookEvent.RECORDING_AWAITING_CONSENT,
        Trigger.ASSESSED: WebhookEvent.RECORDING_READY,
        Trigger.UNUSABLE: WebhookEvent.RECORDING_REJECTED,
        Trigger.UNREADABLE: WebhookEvent.RECORDING_REJECTED,
        Trigger.GAVE_UP: WebhookEvent.RECORDING_FAILED,
        Trigger.ERASED: WebhookEvent.RECORDING_PURGED,
    }
)
"""A step of a recording's life -> what is told of it."""

EVENT_OF_ORIGIN: Mapping[AnalysisOrigin, WebhookEvent] = MappingProxyType(
    {
        AnalysisOrigin.VIDEO: WebhookEvent.ANALYSIS_RECORDED,
        AnalysisOrigin.CORRECTION: WebhookEvent.ANALYSIS_CORRECTED,
        AnalysisOrigin.REANALYSIS: WebhookEvent.ANALYSIS_REANALYSED,
    }
)
"""What made an analysis -> what is told of it."""

EVENT_OF_ACT: Mapping[Act, tuple[WebhookEvent, str]] = MappingProxyType(
    {
        Act.ATHLETE_CREATED: (WebhookEvent.ATHLETE_CREATED, "athlete_id"),
        Act.ATHLETE_EDITED: (WebhookEvent.ATHLETE_UPDATED, "athlete_id"),
        Act.ERASURE_DONE: (WebhookEvent.ATHLETE_ERASED, "athlete_id"),
        Act.CAPTURE_REFUSED: (WebhookEvent.CAPTURE_REFUSED, "capture_id"),
        Act.DAY_PLANNED: (WebhookEvent.DAY_PLANNED, "screening_day_id"),
        Act.DAY_CLOSED: (WebhookEvent.DAY_CLOSED, "screening_day_id"),
        Act.DAY_REOPENED: (WebhookEvent.DAY_REOPENED, "screening_day_id"),
        Act.ROSTER_IMPORTED: (WebhookEvent.ROSTER_IMPORTED, "change_id"),
        Act.ROSTER_CHANGE_UNDONE: (WebhookEvent.ROSTER_CHANGE_UNDONE, "change_id"),
    }
)
"""An act -> what is told of it, and what its object is called there. Acts with more to say tell it themselves."""


class DisabledReason(StrEnum):
    """Why nothing is sent to an endpoint any more."""

    BY_HAND = "by_hand"
    """Somebody switched it off."""
    FAILING = "failing"
    """Nothing was taken there for days."""
    GONE = "gone"
    """It answered 410: it does not want to be told any more."""
    SECRET_LOST = "secret_lost"  # noqa: S105  # a reason
    """The service's own secret key was exchanged, so that nothing could be signed as agreed; rotate the secret."""


class DeliveryState(StrEnum):
    """Where one message to one endpoint is."""

    PENDING = "pending"
    """To be sent, now or when its time has come."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up after the last attempt; it can be sent again by hand."""


class PostFailure(StrEnum):
    """Why there was no answer that counts."""

    NOT_FOUND = "host_not_found"
    ADDRESS_REFUSED = "address_refused"
    """The name leads to an address that is not on the public internet."""
    CONNECTION = "connection_failed"
    TLS = "tls_failed"
    """No encrypted connection to whom the name belongs."""
    TIMEOUT = "timed_out"
    PROTOCOL = "answer_damaged"
    REDIRECT = "redirected"
    """Redirects are not followed: whoever may answer for the address could send the message anywhere."""
    STATUS = "refused"
    """Answered with a status other than 2xx."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostOutcome:
    """What came of one attempt to send one message."""

    duration_ms: int
    status: int | None
    """Of the answer; None when there was none."""
    failure: PostFailure | None
    """None when it was taken."""
    answer: str = ""
    """How the answer began, printable."""
    retry_after_s: float | None = None
    """How long the other side asks us to wait."""

    @property
    def holds_for_all(self) -> bool:
        """Say whether other messages to the same endpoint would fare the same just now."""
        return self.failure is not None and (
            self.status is None or self.status >= 500 or self.status in {408, 425, 429}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPolicy:
    """How patiently messages are sent. All times are counted by the database's clock."""

    retry_delays_s: tuple[float, ...] = (
        5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0,
    )  # fmt: skip
    """Wait after the first, second ... failed attempt: three days in all."""
    pauses_s: tuple[float, ...] = (5.0, 15.0, 60.0, 300.0, 900.0)
    """Wait before anything is sent to an endpoint that is down, after the first, second ... failure in a row."""
    jitter: float = 0.2
    """Each wait is made longer or shorter by up to this share, so that not all come back at once."""
    lease_s: float = 60.0
    """An attempt that has not been heard of for this long is lost, and made again."""
    disable_after_s: float = 3 * 86400.0
    """An endpoint that took nothing for so long, and was tried, is switched off."""
    secret_overlap_s: float = 86400.0
    """How long messages carry a signature by the old secret, too, after a rotation."""
    longest_pause_s: float = 3600.0
    """No endpoint can ask us to wait for longer."""
    slice_s: float = 120.0
    """How long one job goes on sending to one endpoint."""

    @property
    def max_attempts(self) -> int:
        """Attempts at one message."""
        return len(self.retry_delays_s) + 1

    def pause_s(self, n_failures: int) -> float:
        """Return how long an endpoint is left alone after so many failures in a row."""
        return self.pauses_s[min(n_failures, len(self.pauses_s)) - 1]
