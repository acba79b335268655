"""Who did what in the organisation."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.api.deps import CursorQuery, LimitQuery, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.audit import AuditEntryOutput, AuditPage
from app.domain.access import Permission
from app.services import audit

router = APIRouter(tags=["people"])


@router.get(
    "/audit",
    operation_id="list_audit",
    summary="Who did what",
    dependencies=[Depends(Requires(Permission.AUDIT_READ))],
    responses=problems(422),
)
def list_audit(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    act: Annotated[str | None, Query(max_length=64, description="Only acts of this kind.")] = None,
    object_id: Annotated[UUID | None, Query(description="Only what was done to this.")] = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> AuditPage:
    """List the audit trail of your organisation, newest first; for owners, and keys with `audit:read`."""
    page = audit.list_audit(
        uow=uow, principal=principal, act=act, object_id=object_id, cursor=cursor, limit=limit
    )
    add_next_link(request, response, page.next_cursor)
    return AuditPage(
        items=[AuditEntryOutput.model_validate(item) for item in page.items], next_cursor=page.next_cursor
    )
