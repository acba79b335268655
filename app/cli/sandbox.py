"""`plumbline sandbox`: a made-up organisation to build against, in one command."""

from app.cli.demo import BUNDLED
from app.cli.terminal import say
from app.container import Container, build_container
from app.db.removal import empty_organisation
from app.db.unit_of_work import UnitOfWorkFactory
from app.embedded.addresses import with_running_stack
from app.jobs.memory_queue import MemoryQueue
from app.logs import configure_logs
from app.services.sandbox import (
    SandboxParts,
    SandboxReport,
    check_is_sandbox,
    check_only_ours,
    make_sandbox,
    sandbox_organisation_id,
)
from app.settings import load_settings


def run_sandbox(*, reset: bool, discard: bool, new_key: bool) -> None:
    """Make the sandbox, or what is missing of it; with `reset` from the start."""
    settings = with_running_stack(load_settings())
    configure_logs(level="WARNING", process="command")
    with build_container(settings) as container:
        if reset:
            _remove(container, discard=discard, owner_url=settings.require_owner_url())
        report = make_sandbox(_parts(container), new_key=new_key or reset)
    _tell(report, address=settings.base_url)


def _parts(container: Container) -> SandboxParts:
    # nobody hears of these recordings, or a worker could take them from under our hands
    quiet = UnitOfWorkFactory(engine=container.engine, queue=MemoryQueue())
    return SandboxParts(
        uow_factory=quiet,
        blobs=container.blobs,
        method=container.method,
        staging_dir=container.staging.directory,
        samples=BUNDLED,
    )


def _remove(container: Container, *, discard: bool, owner_url: str) -> None:
    organisation_id = sandbox_organisation_id()
    with container.uow_factory(organisation_id) as uow:
        check_is_sandbox(uow)
        if not discard:
            check_only_ours(uow)
    empty_organisation(owner_url, organisation_id)
    container.blobs.delete_all(str(organisation_id))


def _tell(report: SandboxReport, *, address: str) -> None:
    say(
        f"Sandbox     {address}\n"
        f"Organisation {report.organisation_id}: {report.n_athletes} made-up athletes,"
        f" {report.n_recordings} recordings with their analyses."
    )
    if report.api_key is None:
        say("It was there already. Lost the key? plumbline sandbox --new-key makes another.")
        return
    say(f"API key     {report.api_key}   (shown once)")
    say(f"Try it      curl -H 'Authorization: Bearer {report.api_key}' {address}/api/v1/athletes")
