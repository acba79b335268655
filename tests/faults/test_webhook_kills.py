"""kill -9 of the worker while it tells another system, which is away for a while: every message arrives at least once."""

import time
from uuid import UUID

import pytest

from app.domain.exports import ExportFormat
from app.domain.metric_export import MetricExportFilter
from app.services import webhooks
from app.services.exports import ask_export, open_export
from app.services.roster import create_athlete
from app.services.webhook_config import WebhookConfig
from tests.support.processes import wait_until
from tests.support.receiver import receiving
from tests.support.service import Service

pytestmark = pytest.mark.faults
N_ACTS, N_KILLS = 60, 2


def test_consumer_when_workers_are_killed_and_it_is_away_itself_then_it_gets_every_message(
    service: Service,
) -> None:
    """The consumer is built from the Standard Webhooks library alone, and answers slowly enough to be killed at."""
    with receiving() as receiver, service.container() as container:
        receiver.delay_s = 0.03
        principal, uow_factory = service.principal(), container.uow_factory
        settings = container.settings
        config = WebhookConfig(
            secret_key=settings.secret_key.get_secret_value(), base_url=settings.base_url, allow_private=True
        )
        with uow_factory(principal) as uow:
            new = webhooks.create_webhook(uow=uow, principal=principal, config=config, url=receiver.url)
        receiver.secret = new.secret

        def act(number: int) -> UUID:
            with uow_factory(principal) as uow:
                return create_athlete(uow=uow, principal=principal, name=f"Athlete {number}").id

        made = {str(act(number)) for number in range(N_ACTS // 2)}
        for round_number in range(N_KILLS):
            worker = service.start_webhook_worker()
            at_least = len(receiver.raw) + 5
            wait_until(lambda n=at_least: len(receiver.raw) >= n, timeout_s=60, what="some messages")
            receiver.statuses = [503] * 2  # away, while the worker lives and dies
            time.sleep(0.05 * round_number)
            worker.kill()
            worker.wait()
            share = N_ACTS // 2 // N_KILLS
            made |= {str(act(N_ACTS + round_number * share + number)) for number in range(share)}
        n_before = len({message["id"] for message in receiver.messages})
        assert n_before < len(made), "the kills came too late to be any"
        service.start_webhook_worker()

        def told() -> set[str]:
            return {str(message["data"]["athlete_id"]) for message in receiver.messages}

        wait_until(lambda: told() >= made, timeout_s=60, what=lambda: f"{len(told())} of {len(made)}")
        assert receiver.refused == []
        with uow_factory(principal) as uow:
            asked = ask_export(
                uow=uow, principal=principal, file_format=ExportFormat.PARQUET, wanted=MetricExportFilter()
            )
        wait_until(lambda: "export.ready" in receiver.types, timeout_s=60, what="the export's message")
        [ready] = {message["data"].get("export_id") for message in receiver.messages} - {None}
        assert ready == str(asked.id)
        with uow_factory(principal) as uow:
            assert open_export(
                uow=uow, blobs=container.blobs, principal=principal, export_id=asked.id
            ).size_bytes
        ids = [message["id"] for message in receiver.messages]
        assert len(set(ids)) == len(made) + 1
