"""Who may do what."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.errors import ConfirmationNeededError, ForbiddenError, SecondFactorNeededError


class Role(StrEnum):
    """What a member is in an organisation."""

    OWNER = "owner"
    """Runs the organisation: people, keys, the audit trail, and all that others may do."""
    CLINICIAN = "clinician"
    """Screens, judges and keeps the roster."""
    TRAINER = "trainer"
    """Screens and keeps the roster."""
    VIEWER = "viewer"
    """Looks, and changes nothing."""
    ATHLETE = "athlete"
    """An athlete or guardian: sees the results and videos of the linked athletes, nobody else's."""
    INTEGRATION = "integration"
    """A machine that uses an API key."""
    STATION = "station"
    """A phone at a station of a screening day: sends videos of that day, and sees who is to be filmed."""


class SignInMethod(StrEnum):
    """How a person came in."""

    PASSWORD = "password"  # noqa: S105  # the name of a way
    PASSKEY = "passkey"
    PROVIDER = "provider"
    """The organisation's own identity provider answered for them; that opens this organisation alone."""


class Permission(StrEnum):
    """What a request wants to do."""

    ROSTER_READ = "roster:read"
    ROSTER_WRITE = "roster:write"
    RECORDINGS_WRITE = "recordings:write"
    RESULTS_READ = "results:read"
    VIDEOS_READ = "videos:read"
    AUDIT_READ = "audit:read"
    """See who did what in the organisation."""
    MEMBERS_MANAGE = "members:manage"
    """Invite people, change what they may do, remove them, help them to a new password."""
    KEYS_MANAGE = "keys:manage"
    """Make and end API keys and sign-in by an identity provider."""
    PRIVACY_MANAGE = "privacy:manage"
    """Set what is kept how long and whose consent is asked for; erase people; hand out all that is known of one."""
    WEBHOOKS_MANAGE = "webhooks:manage"
    """Say which other systems are told of what happens, and see what became of telling them."""


_RUNNING_THE_ORGANISATION = frozenset(
    {
        Permission.AUDIT_READ,
        Permission.MEMBERS_MANAGE,
        Permission.KEYS_MANAGE,
        Permission.PRIVACY_MANAGE,
        Permission.WEBHOOKS_MANAGE,
    }
)
_OF_THE_WHOLE = frozenset(
    {
        Permission.ROSTER_WRITE,
        Permission.WEBHOOKS_MANAGE,
        Permission.PRIVACY_MANAGE,
        Permission.AUDIT_READ,
    }
)
"""Never held by limited members and keys: who is on the roster, who is told of everybody, what is kept of everybody
and what was done with everybody is for those who see all of it."""

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.CLINICIAN: frozenset(Permission) - _RUNNING_THE_ORGANISATION,
    Role.TRAINER: frozenset(Permission) - _RUNNING_THE_ORGANISATION,
    Role.VIEWER: frozenset({Permission.ROSTER_READ, Permission.RESULTS_READ, Permission.VIDEOS_READ}),
    Role.ATHLETE: frozenset({Permission.RESULTS_READ, Permission.VIDEOS_READ}),
    Role.INTEGRATION: frozenset(Permission) - {Permission.MEMBERS_MANAGE, Permission.KEYS_MANAGE},
    Role.STATION: frozenset({Permission.RECORDINGS_WRITE}),
}
"""What each role may do; docs/operations.md shows the same as a table, and a test compares them."""

MEMBER_ROLES = frozenset(Role) - {Role.INTEGRATION, Role.STATION}
"""What a person can be."""


COACHES = frozenset({Role.TRAINER, Role.VIEWER, Role.INTEGRATION, Role.STATION})
"""Who sees results only as far as they may be shared with coaches."""


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
    station_pass_id: UUID | None = None
    """The pass of a phone at a station; it has neither user nor key."""
    session_id: UUID | None = field(default=None, compare=False)
    """The login that was used; None for a key and on the command line."""
    scopes: frozenset[Permission] | None = None
    """An API key may hold less than its role; None means all that the role has."""
    limited_to: UUID | None = None
    """The member or key whose limits hold: the database then shows the athletes of its teams (or those linked to
    it) alone, and nothing of others. None: the whole organisation."""
    origin: Origin | None = field(default=None, compare=False)
    """None on the command line, and before a request is known."""
    method: SignInMethod | None = field(default=None, compare=False)
    """None for a key and on the command line."""
    n_organisations: int = field(default=1, compare=False)
    """To so many the person belongs."""
    is_confirmed: bool = field(default=True, compare=False)
    """The person proved lately who they are; keys and the command line need not."""
    lacks_second_factor: bool = field(default=False, compare=False)
    """The organisation asks for a second factor by now: this login may set one up, and nothing else."""
    second_factor_due: datetime | None = field(default=None, compare=False)
    """From then on it will."""

    @property
    def is_coach(self) -> bool:
        """Say whether results are shown only as far as they may be shared with coaches."""
        return self.role in COACHES

    def may(self, permission: Permission) -> bool:
        """Say whether this principal holds the permission."""
        if self.limited_to is not None and permission in _OF_THE_WHOLE:
            return False
        return permission in PERMISSIONS[self.role] and (self.scopes is None or permission in self.scopes)

    def require_confirmed(self) -> None:
        """Raise `ConfirmationNeededError` unless the person proved lately who they are: a change of security follows."""
        if not self.is_confirmed:
            raise ConfirmationNeededError(
                "This changes who can come in, and you have been signed in for a while.",
                how_to_fix="Prove at /confirm that it is you, then do it again.",
            )

    def require_second_factor(self) -> None:
        """Raise `SecondFactorNeededError` when the organisation asks for a second factor and this login has none."""
        if self.lacks_second_factor:
            raise SecondFactorNeededError(
                "Your organisation asks for a second factor.",
                how_to_fix="Set one up at /settings/security, in a browser.",
            )

    def require(self, permission: Permission) -> None:
        """Raise `ForbiddenError` unless the permission is held."""
        if not self.may(permission):
            raise ForbiddenError(
                "Your account may not do this.",
                how_to_fix="Ask the owner of your organisation for access.",
                permission=permission,
            )
