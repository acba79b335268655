"""An organisation's own identity provider as REST takes and shows it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, Output
from app.domain.access import Role
from app.services.provider_setup import MAX_DOMAINS

_DOMAINS = "Of e-mail addresses it may vouch for."
_ROLE = "What somebody becomes whom nobody invited; null: then they are not let in."


class IdentityProviderInput(Input):
    """What is to be set up, whole: what is left out has its default, but for the secret."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Harbour account",
                    "issuer": "https://login.example.org",
                    "client_id": "plumbline",
                    "client_secret": "as the provider shows it",
                    "email_domains": ["example.org"],
                }
            ]
        }
    )

    name: Annotated[str, Field(min_length=1, max_length=80)] = Field(
        description="As its people know it; stands on their way to sign in."
    )
    issuer: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        description="What stands before `/.well-known/openid-configuration`: a public https:// address."
    )
    client_id: Annotated[str, Field(min_length=1, max_length=500)]
    client_secret: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        default=None,
        repr=False,
        description="Never shown again. Left out or null: the one before stays, or the client is public and has none.",
        json_schema_extra={"writeOnly": True},
    )
    email_domains: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=253)]], Field(min_length=1, max_length=MAX_DOMAINS)
    ] = Field(description=_DOMAINS)
    default_role: Role | None = Field(
        default=None, description=f"{_ROLE} Any of `viewer`, `trainer` and `clinician`."
    )
    is_enabled: bool = Field(default=True, description="People may sign in by it; false ends its logins.")


class IdentityProviderOutput(Output):
    """What is set up, without its secret."""

    name: str
    issuer: str
    client_id: str
    has_secret: bool
    email_domains: list[str] = Field(description=_DOMAINS)
    default_role: Role | None = Field(description=_ROLE)
    is_enabled: bool
    redirect_uri: str = Field(description="To be registered at the provider.")
    start_url: str = Field(description="Where your people begin, for your own pages.")
