"""Each route says what one must be allowed to do to use it; a test walks the routes and refuses silence."""

from typing import ClassVar

from app.domain.access import Permission, Role


class AccessRule:
    """A FastAPI dependency that stands at a route's door.

    REST routes and pages each have their own subclass that finds the principal their way; the test that
    walks the routes looks for an instance of this class among a route's dependencies.
    """

    permission: Permission | None
    """What one must be allowed to do; None when being signed in is enough, or for `PublicRule`."""
    public: ClassVar[bool] = False
    role: ClassVar[Role | None] = None
    """The only role the route is for; None: for whoever holds the permission."""

    def __init__(self, permission: Permission | None = None) -> None:
        self.permission = permission


class PublicRule(AccessRule):
    """Anybody may use this route: sign-in, health, documentation."""

    public: ClassVar[bool] = True

    def __call__(self) -> None:
        """Let everybody in."""


anybody = PublicRule()
"""The one instance to use: ``dependencies=[Depends(anybody)]``."""
