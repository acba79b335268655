"""The method itself: metric definitions, versions, cut-offs and references, each with where it comes from."""

from fastapi import APIRouter, Depends

from app.api.deps import PrincipalDep, Requires, UowDep
from app.api.present_method import present_methods
from app.api.responses import problems
from app.api.schemas.method import MethodsOutput, MetricDefinitionOutput, MetricList
from app.biomech.definitions import METRICS
from app.domain.access import Permission
from app.http.small_bodies import SmallBodyRoute
from app.services.method_use import list_method_use

READ = [Depends(Requires(Permission.RESULTS_READ))]

router = APIRouter(tags=["method"], route_class=SmallBodyRoute)


@router.get(
    "/metrics",
    operation_id="list_metrics",
    summary="Every number there can be, defined",
    dependencies=READ,
    responses=problems(),
)
def list_metrics() -> MetricList:
    """Return the definition of every metric: unit, sign, formula, source and error."""
    return MetricList(items=[MetricDefinitionOutput.model_validate(item) for item in METRICS.values()])


@router.get(
    "/methods",
    operation_id="list_methods",
    summary="Method versions, cut-offs and references with their sources",
    dependencies=READ,
    responses=problems(),
)
def list_methods(uow: UowDep, principal: PrincipalDep) -> MethodsOutput:
    """Return the method in use with the source of every cut-off, and which versions made your results."""
    return present_methods(list_method_use(uow=uow, principal=principal))
