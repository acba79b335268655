"""Tasks that tell other systems: parse ids, call a service, beside the slots of the analyses."""

from functools import partial
from uuid import UUID

from celery import Celery

from app.container import Container
from app.jobs import names
from app.services.deliver_webhooks import Courier, due_organisations
from workers.beside import Beside

WEBHOOK_THREADS = 4
"""Endpoints sent to at the same time; each that hangs holds one for the time of one attempt."""


def deliver_webhooks(courier: Courier, beside: Beside, organisation_id: str) -> int:
    """Decide who is told, and have it sent, each endpoint on its own; return how many endpoints."""
    owner = UUID(organisation_id)
    due = courier.hand_out(owner)
    for endpoint_id in due:
        beside.do(endpoint_id, partial(courier.deliver, owner, endpoint_id, goes_on=beside.goes_on))
    return len(due)


def sweep_webhooks(container: Container, courier: Courier, beside: Beside) -> int:
    """Send what is due of every organisation: what nobody sent, and what is to be tried again."""
    found = due_organisations(uow_factory=container.uow_factory)
    return sum(deliver_webhooks(courier, beside, str(each)) for each in found)


def register_webhooks(app: Celery, container: Container, beside: Beside) -> None:
    """Put the tasks into the app's registry."""
    courier = container.courier

    def deliver(organisation_id: str) -> None:
        deliver_webhooks(courier, beside, organisation_id)

    def sweep() -> None:
        sweep_webhooks(container, courier, beside)

    app.task(name=names.DELIVER_WEBHOOKS, shared=False)(deliver)
    app.task(name=names.SWEEP_WEBHOOKS, shared=False)(sweep)
