"""One athlete: made, read, edited, found by ids of other systems, sent by the hundred, merged."""

from collections import Counter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, status

from app.api.deps import CursorQuery, ExpectedDep, LimitQuery, PrincipalDep, Requires, UowDep
from app.api.pagination import add_next_link
from app.api.responses import problems
from app.api.schemas.athletes import (
    AthleteBatchInput,
    AthleteBatchOutput,
    AthleteDetailOutput,
    AthleteFields,
    AthleteTombstoneOutput,
    AthleteTombstonePage,
    BatchItemOutput,
    MergeInput,
    RosterChangeOutput,
)
from app.domain.access import Permission
from app.domain.versions import numbered_tag
from app.http.etags import set_etag
from app.http.small_bodies import BatchBodyRoute, SmallBodyRoute
from app.services import athletes, moves
from app.services.athletes import SaveOutcome
from app.services.read_models import AthleteDetail

READ = [Depends(Requires(Permission.ROSTER_READ))]
WRITE = [Depends(Requires(Permission.ROSTER_WRITE))]

router = APIRouter(tags=["roster"])
one = APIRouter(route_class=SmallBodyRoute)
many = APIRouter(route_class=BatchBodyRoute)

SystemPath = Annotated[
    str,
    Path(max_length=64, description="`own` for `external_id`, `sync` for `sync_id`, or another system's short name."),
]  # fmt: skip
ValuePath = Annotated[str, Path(max_length=200, description="The person's id there.")]


@one.post(
    "/athletes",
    operation_id="create_athlete",
    summary="Put a person on the roster",
    status_code=status.HTTP_201_CREATED,
    dependencies=WRITE,
    responses=problems(400, 404, 413, 422),
)
def create_athlete(
    body: AthleteFields, uow: UowDep, principal: PrincipalDep, response: Response
) -> AthleteDetailOutput:
    """Put a person on the roster, in the teams named. A name is needed, or a given or family name."""
    detail = athletes.add_athlete(uow=uow, principal=principal, change=body.change())
    return _shown(detail, response, made=True)


@many.post(
    "/athletes:batch",
    operation_id="upsert_athletes",
    summary="Put up to 500 people on the roster",
    dependencies=WRITE,
    responses=problems(400, 413, 422),
)
def upsert_athletes(body: AthleteBatchInput, uow: UowDep, principal: PrincipalDep) -> AthleteBatchOutput:
    """Make or change each person for itself; the answer says of each what became of it."""
    results = athletes.upsert_batch(uow=uow, principal=principal, items=body.read())
    counts = Counter(result.outcome for result in results)
    return AthleteBatchOutput(
        items=[BatchItemOutput.of(index, result) for index, result in enumerate(results)],
        counts={outcome: counts[outcome] for outcome in SaveOutcome},
    )


@one.get(
    "/athletes/by-external-id/{system}/{value:path}",
    operation_id="get_athlete_by_external_id",
    summary="One person, by an id of another system",
    dependencies=READ,
    responses=problems(404, 422),
)
def get_athlete_by_external_id(
    system: SystemPath, value: ValuePath, uow: UowDep, principal: PrincipalDep, response: Response
) -> AthleteDetailOutput:
    """Return the person who has this id in that system."""
    found = athletes.find_athlete_id(uow=uow, principal=principal, system=system, value=value)
    return _shown(athletes.get_athlete(uow=uow, principal=principal, athlete_id=found), response)


@one.put(
    "/athletes/by-external-id/{system}/{value:path}",
    operation_id="upsert_athlete_by_external_id",
    summary="Make or change a person, by an id of another system",
    dependencies=WRITE,
    responses={
        201: {"model": AthleteDetailOutput, "description": "There was nobody with this id; now there is."},
        **problems(400, 404, 413, 422),
    },
)
def upsert_athlete_by_external_id(
    system: SystemPath,
    value: ValuePath,
    body: AthleteFields,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> AthleteDetailOutput:
    """Make or change the person who has this id in that system; the same request twice changes nothing."""
    saved = athletes.upsert_athlete(
        uow=uow,
        principal=principal,
        system=system,
        value=value,
        change=body.change(),
        expected=expected,
    )
    made = saved.outcome is SaveOutcome.CREATED
    response.status_code = status.HTTP_201_CREATED if made else status.HTTP_200_OK
    return _shown(saved.detail, response, made=made)


@one.get(
    "/athletes/tombstones",
    operation_id="list_athlete_tombstones",
    summary="People who are gone",
    dependencies=READ,
    responses=problems(404, 422),
)
def list_athlete_tombstones(
    uow: UowDep,
    principal: PrincipalDep,
    request: Request,
    response: Response,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> AthleteTombstonePage:
    """List who was erased or merged into another record, oldest first, for copies elsewhere to follow."""
    page = athletes.list_tombstones(uow=uow, principal=principal, cursor=cursor, limit=limit)
    add_next_link(request, response, page.next_cursor)
    return AthleteTombstonePage(
        items=[AthleteTombstoneOutput.model_validate(item) for item in page.items],
        next_cursor=page.next_cursor,
    )


@one.get(
    "/athletes/{athlete_id}",
    operation_id="get_athlete",
    summary="One person",
    dependencies=READ,
    responses=problems(404),
)
def get_athlete(
    athlete_id: UUID, uow: UowDep, principal: PrincipalDep, response: Response
) -> AthleteDetailOutput:
    """Return one person of the roster and the teams they are in."""
    return _shown(athletes.get_athlete(uow=uow, principal=principal, athlete_id=athlete_id), response)


@one.patch(
    "/athletes/{athlete_id}",
    operation_id="edit_athlete",
    summary="Change a person",
    dependencies=WRITE,
    responses=problems(400, 404, 412, 413, 422),
)
def edit_athlete(
    athlete_id: UUID,
    body: AthleteFields,
    uow: UowDep,
    principal: PrincipalDep,
    response: Response,
    expected: ExpectedDep,
) -> AthleteDetailOutput:
    """Change the fields that are sent; null clears one."""
    detail = athletes.edit_athlete(
        uow=uow,
        principal=principal,
        athlete_id=athlete_id,
        change=body.change(),
        expected=expected,
    )
    return _shown(detail, response)


@one.post(
    "/athletes/{athlete_id}/merge",
    operation_id="merge_athletes",
    summary="Make two records of one person one",
    dependencies=WRITE,
    responses=problems(400, 404, 409, 413, 422),
)
def merge_athletes(
    athlete_id: UUID, body: MergeInput, uow: UowDep, principal: PrincipalDep
) -> RosterChangeOutput:
    """Move everything of the other record here and end it; can be undone for thirty days."""
    change = moves.merge_athletes(uow=uow, principal=principal, into_id=athlete_id, other_id=body.athlete_id)
    return RosterChangeOutput.model_validate(change)


def _shown(detail: AthleteDetail, response: Response, *, made: bool = False) -> AthleteDetailOutput:
    set_etag(response, numbered_tag(detail.record.version))
    if made:
        response.headers["Location"] = f"/api/v1/athletes/{detail.record.id}"
    return AthleteDetailOutput.of(detail)


router.include_router(many)
router.include_router(one)
