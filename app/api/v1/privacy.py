"""Consent, what is kept how long, forgetting a person, and everything about one."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response, status
from fastapi.responses import StreamingResponse

from app.api.deps import ExpectedDep, PartsDep, PrincipalDep, Requires, UowDep
from app.api.responses import problems
from app.api.schemas.privacy import (
    ConsentInput,
    ConsentOutput,
    ErasureOutput,
    GuardianLinkOutput,
    PrivacyInput,
    PrivacyOutput,
)
from app.domain.access import Permission
from app.domain.privacy import PrivacyRules
from app.domain.versions import tag_of
from app.http.etags import set_etag
from app.http.small_bodies import SmallBodyRoute
from app.services import athlete_export, consents, erasure, privacy
from app.services.door_links import consent_link

READ = [Depends(Requires(Permission.ROSTER_READ))]
WRITE = [Depends(Requires(Permission.ROSTER_WRITE))]
MANAGE = [Depends(Requires(Permission.PRIVACY_MANAGE))]

router = APIRouter(tags=["privacy"], route_class=SmallBodyRoute)


@router.get(
    "/privacy",
    operation_id="get_privacy_rules",
    summary="The organisation's rules",
    dependencies=READ,
    responses=problems(),
)
def get_privacy_rules(uow: UowDep, principal: PrincipalDep, response: Response) -> PrivacyOutput:
    """Say whose consent is asked for, and what is kept how long."""
    return _rules_shown(privacy.get_rules(uow=uow, principal=principal), response)


@router.patch(
    "/privacy",
    operation_id="change_privacy_rules",
    summary="Change the organisation's rules",
    dependencies=MANAGE,
    responses=problems(400, 413, 422),
)
def change_privacy_rules(
    body: PrivacyInput, uow: UowDep, principal: PrincipalDep, response: Response, expected: ExpectedDep
) -> PrivacyOutput:
    """Change some of the rules; recordings follow at once, removal each night."""
    rules = privacy.change_rules(uow=uow, principal=principal, changes=body.changes(), expected=expected)
    return _rules_shown(rules, response)


def _rules_shown(rules: PrivacyRules, response: Response) -> PrivacyOutput:
    set_etag(response, tag_of(rules))
    return PrivacyOutput.of(rules)


@router.get(
    "/athletes/{athlete_id}/consent",
    operation_id="get_consent",
    summary="Where an athlete stands",
    dependencies=READ,
    responses=problems(404),
)
def get_consent(athlete_id: UUID, uow: UowDep, principal: PrincipalDep) -> ConsentOutput:
    """Return what is allowed now, and every decision there was."""
    return ConsentOutput.of(consents.get_consent(uow=uow, principal=principal, athlete_id=athlete_id))


@router.post(
    "/athletes/{athlete_id}/consent",
    operation_id="record_consent",
    summary="Enter what somebody decided",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses=problems(400, 404, 413, 422),
)
def record_consent(
    athlete_id: UUID, body: ConsentInput, uow: UowDep, principal: PrincipalDep
) -> ConsentOutput:
    """Enter a consent, a refusal or a withdrawal; recordings that waited are analysed, or the other way round."""
    found = consents.record_consent(
        uow=uow,
        principal=principal,
        athlete_id=athlete_id,
        given_by=body.given_by,
        relation=body.relation,
        purposes=body.purposes,
        text_version=body.text_version,
    )
    return ConsentOutput.of(found)


@router.post(
    "/athletes/{athlete_id}/guardian-links",
    operation_id="make_guardian_link",
    summary="A link for whoever decides for an athlete",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses=problems(404),
)
def make_guardian_link(
    athlete_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> GuardianLinkOutput:
    """Make a link that works once, for two weeks; one made before and not used ends."""
    link = consents.make_guardian_link(uow=uow, principal=principal, athlete_id=athlete_id)
    return GuardianLinkOutput(
        url=consent_link(parts.settings.base_url, link.token), expires_at=link.expires_at
    )


@router.delete(
    "/athletes/{athlete_id}",
    operation_id="erase_athlete",
    summary="Forget a person",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=MANAGE,
    responses=problems(404),
)
def erase_athlete(
    athlete_id: UUID, parts: PartsDep, principal: PrincipalDep, response: Response, expected: ExpectedDep
) -> ErasureOutput:
    """Erase everything about a person: at once nobody finds them any more, and a job removes the files.

    There is no undo; somebody who left is made inactive.
    """
    receipt = erasure.forget_athlete(
        uow_factory=parts.uow_factory, principal=principal, athlete_id=athlete_id, expected=expected
    )
    response.headers["Location"] = f"/api/v1/erasures/{receipt.id}"
    return ErasureOutput.model_validate(receipt)


@router.get(
    "/erasures/{erasure_id}",
    operation_id="get_erasure",
    summary="The receipt of an erasure",
    dependencies=MANAGE,
    responses=problems(404),
)
def get_erasure(erasure_id: UUID, uow: UowDep, principal: PrincipalDep) -> ErasureOutput:
    """Return how far it is, or what was erased when."""
    receipt = erasure.get_erasure(uow=uow, principal=principal, erasure_id=erasure_id)
    return ErasureOutput.model_validate(receipt)


@router.get(
    "/athletes/{athlete_id}/export",
    operation_id="export_athlete",
    summary="Everything about one person",
    dependencies=MANAGE,
    response_class=StreamingResponse,
    responses={
        200: {"description": "JSON, CSV, videos and pictures.", "content": {"application/zip": {}}},
        **problems(404),
    },
)
def export_athlete(
    athlete_id: UUID, parts: PartsDep, uow: UowDep, principal: PrincipalDep
) -> StreamingResponse:
    """Return a zip of all that is kept about a person; made while it is sent, and kept nowhere."""
    archive = athlete_export.export_athlete(
        uow=uow, blobs=parts.blobs, principal=principal, athlete_id=athlete_id
    )
    headers = {"Content-Disposition": f'attachment; filename="{archive.filename}"'}
    return StreamingResponse(archive.chunks, media_type="application/zip", headers=headers)
