"""A real worker that tells other systems and reads no video: ``python -m tests.support.webhook_worker``."""

import sys
from dataclasses import replace

from app.container import build_container
from app.domain.webhooks import WebhookPolicy
from app.logs import configure_logs
from app.settings import load_settings
from tests.factories import ScriptedReader
from workers.bootstrap import Runtime
from workers.celery_app import run_worker

POLICY = WebhookPolicy(retry_delays_s=(0.2,) * 50, pauses_s=(0.1,), lease_s=1.0)
"""As patient as the real one, and much quicker."""


def main() -> int:
    settings = load_settings()
    configure_logs(level=settings.log_level, process="worker")
    container = build_container(settings)
    container = replace(container, courier=replace(container.courier, policy=POLICY))
    runtime = Runtime(
        container=container,
        reader_factory=ScriptedReader,
        drawer_factory=ScriptedReader,
        method=container.method,
        close_readers=lambda: None,
    )
    try:
        return run_worker(runtime, with_clock=True)
    finally:
        runtime.close()


if __name__ == "__main__":
    sys.exit(main())
