"""The long-running processes: api, worker, clock."""

from pathlib import Path

import typer

from app.container import build_container
from app.logs import configure_logs
from app.memory import keep_heap_small, settle_memory
from app.settings import load_settings


def serve_api() -> None:
    """Serve until asked to stop; open event streams get a few seconds."""
    import uvicorn

    from app.main import create_app

    keep_heap_small()
    settings = load_settings()
    configure_logs(level=settings.log_level, process="api")
    container = build_container(settings)
    container.probe.start()  # loads while this process makes its routes
    app = create_app(container, on_close=container.close)
    settle_memory()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
    )


def work(*, with_clock: bool, ready_file: Path | None) -> None:
    """Work until asked to stop."""
    from workers.bootstrap import build_runtime
    from workers.celery_app import run_worker

    settings = load_settings()
    configure_logs(level=settings.log_level, process="worker")
    runtime = build_runtime(settings)
    try:
        exit_code = run_worker(runtime, with_clock=with_clock, ready_file=ready_file)
    finally:
        runtime.close()
    raise typer.Exit(exit_code)


def run_clock() -> None:
    """Send what is due until asked to stop."""
    from workers.schedule import make_clock, set_schedule

    settings = load_settings()
    configure_logs(level=settings.log_level, process="beat")
    with build_container(settings) as container:
        set_schedule(container.celery, sweep_interval_s=settings.sweep_interval_s)
        make_clock(container.celery).start()
