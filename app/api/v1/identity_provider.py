"""The organisation's own identity provider."""

from fastapi import APIRouter, Depends, Response, status

from app.api.deps import ExpectedDep, PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.identity_provider import IdentityProviderInput, IdentityProviderOutput
from app.domain.access import Permission
from app.http.etags import set_etag
from app.http.post import seal_from
from app.http.provider import fetch_from, redirect_uri, start_link
from app.http.small_bodies import SmallBodyRoute
from app.services import provider_setup
from app.services.provider_setup import ProviderChange, ProviderView
from app.settings import Settings

router = APIRouter(
    tags=["identity provider"],
    route_class=SmallBodyRoute,
    dependencies=[Depends(Requires(Permission.KEYS_MANAGE))],
)


@router.get(
    "/identity-provider",
    operation_id="get_identity_provider",
    summary="Your own identity provider",
    responses=problems(404),
)
def get_identity_provider(
    uow: UowDep, principal: PrincipalDep, parts: PartsDep, response: Response
) -> IdentityProviderOutput:
    """Return what is set up, without its secret; owners only, signed in at the pages. 404 when there is none."""
    view = provider_setup.get_provider(uow=uow, principal=principal)
    return _shown(view, response, settings=parts.settings)


@router.put(
    "/identity-provider",
    operation_id="set_identity_provider",
    summary="Set your own identity provider up",
    responses=problems(400, 413, 422),
)
def set_identity_provider(
    body: IdentityProviderInput,
    uow: UowDep,
    principal: PrincipalDep,
    parts: PartsDep,
    response: Response,
    expected: ExpectedDep,
) -> IdentityProviderOutput:
    """Ask the provider what it says of itself, and keep what was sent. Another issuer ends the logins by the one before.

    Where there is none yet, it is made; with an `If-Match` that names a version, refused.
    """
    view = provider_setup.save_provider(
        uow=uow,
        principal=principal,
        change=_change_of(body),
        seal=seal_from(parts.settings),
        fetch=fetch_from(parts.settings),
        expected=expected,
    )
    return _shown(view, response, settings=parts.settings)


@router.delete(
    "/identity-provider",
    operation_id="remove_identity_provider",
    summary="Remove your own identity provider",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404),
)
def remove_identity_provider(uow: UowDep, principal: PrincipalDep, expected: ExpectedDep) -> None:
    """Forget the provider, its secret and who was who there, and end every login by it."""
    provider_setup.remove_provider(uow=uow, principal=principal, expected=expected)


def _change_of(body: IdentityProviderInput) -> ProviderChange:
    return ProviderChange(
        name=body.name,
        issuer=body.issuer,
        client_id=body.client_id,
        client_secret=body.client_secret or "",
        email_domains=tuple(body.email_domains),
        default_role=body.default_role,
        is_enabled=body.is_enabled,
    )


def _shown(view: ProviderView, response: Response, *, settings: Settings) -> IdentityProviderOutput:
    set_etag(response, view.tag)
    return IdentityProviderOutput(
        name=view.name,
        issuer=view.issuer,
        client_id=view.client_id,
        has_secret=view.has_secret,
        email_domains=list(view.email_domains),
        default_role=view.default_role,
        is_enabled=view.is_enabled,
        redirect_uri=redirect_uri(settings),
        start_url=start_link(settings, view.organisation_id),
    )
