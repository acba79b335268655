"""Judging a team's recordings anew with a new version of the method: look first, then accept."""

from enum import StrEnum


class ReanalysisState(StrEnum):
    """Where a re-analysis is in its life."""

    PREVIEWING = "previewing"
    """Every recording is being judged with the new version; nothing is changed yet."""
    READY = "ready"
    """The preview is whole; somebody accepts or cancels it."""
    ACCEPTING = "accepting"
    """The new analyses are being put beside the old ones, recording by recording."""
    DONE = "done"
    CANCELLED = "cancelled"
    """Called off; what had been accepted by then stays."""


class ReanalysisStep(StrEnum):
    """What moves a re-analysis on."""

    PREVIEWED = "previewed"
    ACCEPT = "accept"
    ACCEPTED = "accepted"
    CANCEL = "cancel"


_S, _T = ReanalysisState, ReanalysisStep

TRANSITIONS: dict[tuple[ReanalysisState, ReanalysisStep], ReanalysisState] = {
    (_S.PREVIEWING, _T.PREVIEWED): _S.READY,
    (_S.READY, _T.ACCEPT): _S.ACCEPTING,
    (_S.ACCEPTING, _T.ACCEPTED): _S.DONE,
    **{(state, _T.CANCEL): _S.CANCELLED for state in (_S.PREVIEWING, _S.READY, _S.ACCEPTING)},
}
WORKING = (_S.PREVIEWING, _S.ACCEPTING)
"""States in which workers have something to do."""
OPEN = (_S.PREVIEWING, _S.READY, _S.ACCEPTING)


class ItemState(StrEnum):
    """How far one recording of a re-analysis is."""

    PENDING = "pending"
    PREVIEWED = "previewed"
    ACCEPTED = "accepted"
    SKIPPED = "skipped"
    """It cannot be judged anew, or need not; the reason says why."""


class Route(StrEnum):
    """What a recording is judged anew from."""

    TRACK = "track"
    """The stored pose track, whose model is the present one."""
    VIDEO = "video"
    """The video, read again with the present model."""


class SkipReason(StrEnum):
    """Why a recording keeps the analysis it has."""

    NOT_A_VIDEO = "not_a_video"
    """The file could not be read as a video."""
    NOBODY_FOLLOWED = "nobody_followed"
    """No athlete was found to follow, now as before."""
    VIDEO_GONE = "video_gone"
    """It would have to be read again, and the video is no longer kept."""
    BEING_READ = "being_read"
    """Its video is waiting or being read; that reading uses the new version anyway."""
    ALREADY_CURRENT = "already_current"
    """Somebody has had it analysed with the new version meanwhile."""
    GAVE_UP = "gave_up"
    """It failed as often as is tried."""


def next_state(state: ReanalysisState, step: ReanalysisStep) -> ReanalysisState | None:
    """Return the state that follows, None when the step cannot be taken from here."""
    return TRANSITIONS.get((state, step))
