"""Members, invitations and API keys as REST takes and shows them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.schemas.base import MAX_NAME_CHARS, Input, Instant, Output, OutputPage
from app.domain.access import Permission, Role
from app.domain.sign_in import MAX_GRACE_DAYS

TeamIds = Annotated[list[UUID], Field(min_length=1, max_length=200)]
_TEAMS = "The only teams this one sees; null: the whole organisation."


class PlaceInput(Input):
    """What somebody is to be in the organisation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "trainer"}]})

    role: Role = Field(description="Any but `integration`: that is what keys are.")
    team_ids: TeamIds | None = Field(default=None, description=_TEAMS)
    athlete_ids: list[UUID] = Field(
        default_factory=list,
        max_length=50,
        description="With the role `athlete`: whose results and videos the login of an athlete or guardian sees.",
    )


class InvitationInput(PlaceInput):
    """Somebody to invite."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "sam@example.org", "role": "trainer"}]}
    )

    email: Annotated[str, Field(min_length=3, max_length=254)]


class MemberOutput(Output):
    """Somebody who belongs to the organisation."""

    user_id: UUID
    email: str
    display_name: str
    role: Role
    team_ids: list[UUID] | None = Field(description=_TEAMS)
    athlete_ids: list[UUID]
    member_since: datetime
    last_seen_at: datetime | None
    has_second_factor: bool = Field(description="Signing in takes more than a password.")


class MemberPage(OutputPage):
    """Members by address."""

    items: list[MemberOutput]


class InvitationOutput(Output):
    """Somebody who may become a member."""

    id: UUID
    email: str
    role: Role
    team_ids: list[UUID] | None = Field(description=_TEAMS)
    athlete_ids: list[UUID]
    created_at: datetime
    expires_at: datetime


class NewInvitationOutput(InvitationOutput):
    """An invitation just made."""

    link: str | None = Field(
        description="Hand it to the person; it works once and is shown only now. What follows the `#` is the secret."
        " null when it was mailed."
    )
    is_mailed: bool = Field(description="The link is on its way to the address.")


class InvitationPage(OutputPage):
    """Invitations nobody has accepted yet, newest first."""

    items: list[InvitationOutput]


class ResetLinkOutput(Output):
    """A member's way to a new password."""

    link: str | None = Field(
        description="Hand it to the person; it works once, within the hour, and is shown only now."
        " null when it was mailed."
    )
    is_mailed: bool = Field(description="The link is on its way to the member's address.")
    expires_at: datetime


class SignInRulesInput(Input):
    """Who is to need a second factor."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"roles": [], "grace_days": 14}]})

    roles: Annotated[list[Role], Field(max_length=10)] = Field(
        description="Any of `owner`, `clinician`, `trainer` and `viewer`; an empty list asks nobody."
    )
    grace_days: Annotated[int, Field(ge=0, le=MAX_GRACE_DAYS)] = Field(
        default=7, description="Whoever has none is reminded for so long; then it is asked for."
    )


class SignInRulesOutput(Output):
    """Who needs a second factor."""

    roles: list[Role]
    starts_at: datetime | None = Field(
        description="From then on whoever has none can do nothing but set one up; null: nobody needs one."
    )


class ApiKeyInput(Input):
    """A key to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Sync", "scopes": ["roster:read", "results:read"]}]}
    )

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=50)]
    expires_at: Instant | None = Field(default=None, description="Without it, the key holds until revoked.")
    team_ids: TeamIds | None = Field(default=None, description=_TEAMS)


class ApiKeyOutput(Output):
    """A key, without its secret."""

    id: UUID
    name: str
    prefix: str = Field(description="The visible beginning, which is also its OAuth2 client id.")
    scopes: list[Permission]
    team_ids: list[UUID] | None = Field(description=_TEAMS)
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    previous_until: datetime | None = Field(
        description="Until then the secret before the last rotation opens, too."
    )


class NewApiKeyOutput(ApiKeyOutput):
    """A key just made or rotated."""

    key: str = Field(description="The whole key; shown only now.")


class ApiKeyPage(OutputPage):
    """Keys, newest first."""

    items: list[ApiKeyOutput]
