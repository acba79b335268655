"""The life of a recording: which state follows which, and why. The only place that says so."""

from enum import StrEnum


class RecordingState(StrEnum):
    """Where a recording is in its life."""

    AWAITING_UPLOAD = "awaiting_upload"
    RECEIVED = "received"
    AWAITING_CONSENT = "awaiting_consent"
    """Kept, and not looked at before somebody who may has agreed."""
    QUEUED = "queued"
    PROCESSING = "processing"
    ANALYSED = "analysed"
    REJECTED = "rejected"
    FAILED = "failed"
    PURGED = "purged"


class Trigger(StrEnum):
    """What moves a recording on."""

    UPLOADED = "uploaded"
    ACCEPTED = "accepted"
    """The quick look at the file found a video we can read."""
    UNREADABLE = "unreadable"
    CLAIMED = "claimed"
    ASSESSED = "assessed"
    UNUSABLE = "unusable"
    """The video was read and cannot be judged; the findings say why."""
    RETRY = "retry"
    """An error or an expired lease, with attempts left."""
    GAVE_UP = "gave_up"
    """An error or an expired lease on the last attempt."""
    REQUEUED = "requeued"
    """An operator tries a failed recording again."""
    REANALYSE = "reanalyse"
    REASSESSED = "reassessed"
    """Judged anew from the stored pose track: a correction was made or undone, or a new method was accepted."""
    REASSESSED_UNUSABLE = "reassessed_unusable"
    """The same, and now the recording cannot be judged, or a person left it out."""
    CONSENT_MISSING = "consent_missing"
    """The athlete, or who answers for them, has not agreed, or no longer does."""
    CONSENT_GIVEN = "consent_given"
    ERASED = "erased"


_S, _T = RecordingState, Trigger

TRANSITIONS: dict[tuple[RecordingState, Trigger], RecordingState] = {
    (_S.AWAITING_UPLOAD, _T.UPLOADED): _S.RECEIVED,
    (_S.RECEIVED, _T.ACCEPTED): _S.QUEUED,
    (_S.RECEIVED, _T.UNREADABLE): _S.REJECTED,
    (_S.QUEUED, _T.CLAIMED): _S.PROCESSING,
    (_S.PROCESSING, _T.ASSESSED): _S.ANALYSED,
    (_S.PROCESSING, _T.UNUSABLE): _S.REJECTED,
    (_S.PROCESSING, _T.RETRY): _S.QUEUED,
    (_S.PROCESSING, _T.GAVE_UP): _S.FAILED,
    (_S.FAILED, _T.REQUEUED): _S.QUEUED,
    (_S.ANALYSED, _T.REANALYSE): _S.QUEUED,
    (_S.REJECTED, _T.REANALYSE): _S.QUEUED,
    (_S.FAILED, _T.REANALYSE): _S.QUEUED,
    **{(state, _T.REASSESSED): _S.ANALYSED for state in (_S.ANALYSED, _S.REJECTED, _S.FAILED)},
    **{(state, _T.REASSESSED_UNUSABLE): _S.REJECTED for state in (_S.ANALYSED, _S.REJECTED, _S.FAILED)},
    (_S.RECEIVED, _T.CONSENT_MISSING): _S.AWAITING_CONSENT,
    (_S.QUEUED, _T.CONSENT_MISSING): _S.AWAITING_CONSENT,
    (_S.PROCESSING, _T.CONSENT_MISSING): _S.AWAITING_CONSENT,
    (_S.AWAITING_CONSENT, _T.CONSENT_GIVEN): _S.QUEUED,
    **{(state, _T.ERASED): _S.PURGED for state in _S if state is not _S.PURGED},
}

FINAL_STATES = frozenset({_S.ANALYSED, _S.REJECTED, _S.FAILED, _S.PURGED})
"""States in which nothing more happens by itself."""


class Stage(StrEnum):
    """How far the processing of a recording is; shown, never decided on."""

    DECODE = "decode"
    POSE = "pose"
    KINEMATICS = "kinematics"
    ASSESS = "assess"
    PICTURES = "pictures"


class PicturesState(StrEnum):
    """Where the pictures of an analysis are: work of their own, which the numbers never wait for."""

    PENDING = "pending"
    """Being drawn, or waiting for somebody to draw them."""
    DONE = "done"
    FAILED = "failed"
    """Given up; the numbers are not touched by it."""


class AnalysisOrigin(StrEnum):
    """What made an analysis."""

    VIDEO = "video"
    """The video was read."""
    CORRECTION = "correction"
    """A person put something right, or took it back; the stored pose track was judged anew."""
    REANALYSIS = "reanalysis"
    """A new version of the method, accepted for a team; the stored pose track was judged anew."""


class IllegalTransitionError(ValueError):
    """The recording cannot take this step from where it is."""


def next_state(state: RecordingState, trigger: Trigger) -> RecordingState:
    """Return the state that follows, or raise `IllegalTransitionError`."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        msg = f"a recording that is {state} cannot be {trigger}"
        raise IllegalTransitionError(msg) from None
