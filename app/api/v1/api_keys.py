"""API keys of the organisation."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status

from app.api.deps import CursorQuery, ExpectedDep, LimitQuery, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.people import ApiKeyInput, ApiKeyOutput, ApiKeyPage, NewApiKeyOutput
from app.domain.access import Permission
from app.http.etags import set_etag
from app.http.small_bodies import SmallBodyRoute
from app.services import accounts
from app.services.read_models import NewApiKey

router = APIRouter(
    tags=["people"], route_class=SmallBodyRoute, dependencies=[Depends(Requires(Permission.KEYS_MANAGE))]
)


@router.post(
    "/api-keys",
    operation_id="create_api_key",
    summary="Make an API key",
    status_code=status.HTTP_201_CREATED,
    responses=problems(400, 413, 422),
)
def create_api_key(
    body: ApiKeyInput, uow: UowDep, principal: PrincipalDep, response: Response
) -> NewApiKeyOutput:
    """Make a key for a program; owners only, signed in at the pages. The key is shown only in this answer."""
    new = accounts.create_api_key(
        uow=uow,
        principal=principal,
        name=body.name,
        scopes=frozenset(body.scopes),
        expires_at=body.expires_at,
        team_ids=None if body.team_ids is None else tuple(body.team_ids),
    )
    return _present(new, response)


@router.get("/api-keys", operation_id="list_api_keys", summary="List API keys", responses=problems(422))
def list_api_keys(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> ApiKeyPage:
    """List the keys, newest first, the ended ones too; without their secrets."""
    page = accounts.list_api_keys(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return ApiKeyPage(
        items=[ApiKeyOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )


@router.get(
    "/api-keys/{api_key_id}", operation_id="get_api_key", summary="One API key", responses=problems(404)
)
def get_api_key(api_key_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response) -> ApiKeyOutput:
    """Return one key, an ended one too; without its secret."""
    found = accounts.get_api_key(uow=uow, principal=principal, api_key_id=api_key_id)
    set_etag(response, found.tag)
    return ApiKeyOutput.model_validate(found)


@router.post(
    "/api-keys/{api_key_id}/rotate",
    operation_id="rotate_api_key",
    summary="Give a key a new secret",
    responses=problems(404),
)
def rotate_api_key(
    api_key_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response, expected: ExpectedDep
) -> NewApiKeyOutput:
    """Make a new secret; the one before opens for another week (`previous_until`), so that programs can be changed."""
    new = accounts.rotate_api_key(uow=uow, principal=principal, api_key_id=api_key_id, expected=expected)
    return _present(new, response)


@router.delete(
    "/api-keys/{api_key_id}",
    operation_id="revoke_api_key",
    summary="End a key",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404),
)
def revoke_api_key(api_key_id: UUID, uow: UowDep, principal: PrincipalDep, expected: ExpectedDep) -> None:
    """End a key, its secrets and every token made with it, at once."""
    accounts.revoke_api_key(uow=uow, principal=principal, api_key_id=api_key_id, expected=expected)


def _present(new: NewApiKey, response: Response) -> NewApiKeyOutput:
    set_etag(response, new.summary.tag)
    return NewApiKeyOutput(**ApiKeyOutput.model_validate(new.summary).model_dump(), key=new.key)
