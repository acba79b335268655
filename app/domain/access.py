"""Who may do what."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from app.domain.errors import ForbiddenError


class Role(StrEnum):
    """What a member is in an organisation."""

    OWNER = "owner"
    TRAINER = "trainer"
    VIEWER = "viewer"
    INTEGRATION = "integration"
    """A machine that uses an API key."""


class Permission(StrEnum):
    """What a request wants to do."""

    ROSTER_READ = "roster:read"
    ROSTER_WRITE = "roster:write"
    RECORDINGS_WRITE = "recordings:write"
    RESULTS_READ = "results:read"
    VIDEOS_READ = "videos:read"
    AUDIT_READ = "audit:read"
    """See who did what in the organisation."""


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.TRAINER: frozenset(Permission) - {Permission.AUDIT_READ},
    Role.VIEWER: frozenset({Permission.ROSTER_READ, Permission.RESULTS_READ, Permission.VIDEOS_READ}),
    Role.INTEGRATION: frozenset(Permission),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from, for the audit trail."""

    request_id: str
    address: str
    """Network address."""
    user_agent_sha256: str
    """Tells two browsers apart without keeping what they say of themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking, in which organisation."""

    organisation_id: UUID
    role: Role
    display_name: str
    user_id: UUID | None = None
    api_key_id: UUID | None = None
    scopes: frozenset[Permission] | None = None
    """An API key may hold less than its role; None means all that the role has."""
    origin: Origin | None = field(default=None, compare=False)
    """None on the command line, and before a request is known."""

    def may(self, permission: Permission) -> bool:
        """Say whether this principal holds the permission."""
        return permission in PERMISSIONS[self.role] and (self.scopes is None or permission in self.scopes)

    def require(self, permission: Permission) -> None:
        """Raise `ForbiddenError` unless the permission is held."""
        if not self.may(permission):
            raise ForbiddenError(
                "Your account may not do this.",
                how_to_fix="Ask the owner of your organisation for access.",
                permission=permission,
            )
