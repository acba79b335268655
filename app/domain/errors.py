"""What can go wrong in words a user can act on. No HTTP here: `app.api.errors` maps codes to status."""

from typing import ClassVar


class DomainError(Exception):
    """A refusal with a stable code, a message safe to show, and what to do next."""

    code: ClassVar[str]

    def __init__(self, message: str, *, how_to_fix: str = "", **context: str | int | float | None) -> None:
        """Keep the message, the advice and the facts that go with them."""
        super().__init__(message)
        self.message = message
        self.how_to_fix = how_to_fix
        self.context = context


class NotFoundError(DomainError):
    """No such thing in this organisation."""

    code = "not_found"


class InvalidCredentialsError(DomainError):
    """The e-mail address and password, or the API key, do not match."""

    code = "invalid_credentials"


class NotSignedInError(DomainError):
    """The request carries no valid login."""

    code = "not_signed_in"


class ForbiddenError(DomainError):
    """The role or scope does not allow this."""

    code = "forbidden"


class ConfirmationNeededError(DomainError):
    """A change of security, and the person has not proved who they are for a while."""

    code = "confirmation_needed"


class SecondFactorNeededError(DomainError):
    """The organisation asks for a second factor, and this login has none."""

    code = "second_factor_needed"


class CsrfError(DomainError):
    """The form does not come from our own page."""

    code = "csrf_failed"


class TooManyRequestsError(DomainError):
    """Too often in too short a time."""

    code = "too_many_requests"


class InvalidInputError(DomainError):
    """A value that was sent does not make sense."""

    code = "invalid_input"


class UploadTooLargeError(DomainError):
    """The file is larger than the limit."""

    code = "upload_too_large"


class UnreadableVideoError(DomainError):
    """The file is not a video we can read; `context['reason']` names the finding code."""

    code = "unreadable_video"


class IdempotencyConflictError(DomainError):
    """The same Idempotency-Key was used for a different request."""

    code = "idempotency_key_reused"


class RequestInFlightError(DomainError):
    """The first request with this Idempotency-Key is still at work."""

    code = "request_in_flight"


class StorageFullError(DomainError):
    """No room left for the file; nothing was kept."""

    code = "storage_full"


class QuotaExceededError(DomainError):
    """The organisation has as much as it may."""

    code = "quota_exceeded"


class StaleStateError(DomainError):
    """Somebody else changed it first."""

    code = "stale_state"


class UploadGoneError(DomainError):
    """The upload was called off, ran out or was refused."""

    code = "upload_gone"


class PreconditionFailedError(DomainError):
    """The version that was to be changed is not the present one."""

    code = "precondition_failed"
