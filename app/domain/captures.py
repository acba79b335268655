"""Announced recordings: a capture is told before its file comes, and ends in one of these ways."""

from enum import StrEnum


class CaptureState(StrEnum):
    """Where an announced recording is, until its file has become one."""

    AWAITING_UPLOAD = "awaiting_upload"
    RECEIVED = "received"
    """The file came whole and is a recording now, which has a life of its own."""
    REFUSED = "refused"
    """The file came whole and is no video that can be used; nothing of it was kept."""
    CANCELLED = "cancelled"
    """Called off before the file had come."""
    EXPIRED = "expired"
    """Nothing more came for too long; what had come was removed."""
