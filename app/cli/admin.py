"""Commands for whoever runs the service; on one machine they find the stack that runs."""

import sys
from collections.abc import Sequence
from uuid import UUID

import typer

from app.cli.terminal import say
from app.container import build_container, work_policy
from app.domain.access import Permission, Principal, Role
from app.domain.errors import InvalidInputError
from app.domain.quotas import Quotas
from app.embedded.addresses import with_running_stack
from app.logs import configure_logs
from app.services import accounts, audit, logins, quotas
from app.services.door_links import reset_link
from app.services.erasure import Places, resume_erasures
from app.services.process_recording import sweep_recordings
from app.services.retention import retain as retain_all
from app.settings import Settings, load_settings


def _settings() -> Settings:
    settings = with_running_stack(load_settings())
    configure_logs(level="WARNING", process="command")
    return settings


def migrate() -> None:
    """Migrate up."""
    from app.db.migrate import upgrade

    upgrade(_settings().require_owner_url())
    say("The tables are up to date.")


def sweep() -> None:
    """Sweep once."""
    with build_container(_settings()) as container:
        report = sweep_recordings(uow_factory=container.uow_factory, policy=work_policy(container.settings))
    say(f"Sent again: {report.n_resent}. Put back: {report.n_retried}. Given up: {report.n_gave_up}.")


def retain() -> None:
    """Retain once."""
    with build_container(_settings()) as container:
        n_erased = resume_erasures(
            uow_factory=container.uow_factory,
            places=Places(blobs=container.blobs, partials=container.partials, staging=container.staging),
        )
        report = retain_all(uow_factory=container.uow_factory, blobs=container.blobs)
    say(
        f"Removed: {report.n_originals} videos, pictures of {report.n_pictures} recordings,"
        f" {report.n_recordings} recordings past their time, {report.n_unconsented} without consent."
        f" Finished erasures: {n_erased}."
    )


def set_quotas(
    *, organisation_id: str, stored_gb: float | None, recordings_a_month: int | None, open_uploads: int | None
) -> None:
    """Set what an organisation may have."""
    wanted = Quotas(
        stored_bytes=None if stored_gb is None else round(stored_gb * 1e9),
        recordings_a_month=recordings_a_month,
        open_uploads=open_uploads,
    )
    with build_container(_settings()) as container, container.uow_factory(UUID(organisation_id)) as uow:
        quotas.set_quotas(uow=uow, organisation_id=UUID(organisation_id), quotas=wanted)
    say("Set.")


def create_user(*, email: str, name: str, organisation: str, organisation_id: str, role: str) -> None:
    """Make a user in a new organisation or in one there is."""
    if bool(organisation) == bool(organisation_id):
        raise InvalidInputError("Say which organisation: either --organisation NAME or --organisation-id ID.")
    wanted = _role(role)
    password = _read_password()
    with build_container(_settings()) as container, container.uow_factory(None) as uow:
        owner_id = (
            _id(organisation_id)
            if organisation_id
            else accounts.create_organisation(uow=uow, name=organisation).id
        )
        user = accounts.create_user(
            uow=uow,
            organisation_id=owner_id,
            email=email,
            display_name=name or email.partition("@")[0],
            password=password,
            role=wanted,
        )
    say(f"{user.email} can sign in at {container.settings.base_url}\nOrganisation: {user.organisation_id}")


def reset_password(*, email: str) -> None:
    """Make a link for a new password and print it."""
    with build_container(_settings()) as container, container.uow_factory(None) as uow:
        new = logins.find_and_issue_reset(uow=uow, email=email)
        if new is None:
            raise InvalidInputError(f"There is no user {email!r}.")
    say(f"{reset_link(container.settings.base_url, new.token)}\nIt works once, within the hour.")


def create_api_key(*, organisation_id: str, name: str) -> None:
    """Make a key and print it."""
    owner_id = _id(organisation_id)
    principal = Principal(organisation_id=owner_id, role=Role.OWNER, display_name="command line")
    with build_container(_settings()) as container, container.uow_factory(owner_id) as uow:
        new = accounts.create_api_key(uow=uow, principal=principal, name=name, scopes=frozenset(Permission))
    say(new.key)


def verify_audit(*, organisation_id: str, heads: Sequence[str] = ()) -> int:
    """Walk the trails and say of each how long it is, where it ends, or where it breaks; return the exit code."""
    chosen = _id(organisation_id) if organisation_id else None
    noted = frozenset(head.strip().lower() for head in heads)
    with build_container(_settings()) as container:
        reports = audit.verify_trails(container.uow_factory, organisation_id=chosen, noted=noted)
    for report in reports:
        if report.broken is None:
            say(f"{report.organisation_id}: {report.n_records} records, whole, head {report.head}")
        else:
            say(
                f"{report.organisation_id}: BROKEN at record {report.broken_at}: {report.broken.value}."
                f" Records 1 to {report.n_records} hold."
            )
    lost = sorted(noted.difference(*(report.found for report in reports)))
    for head in lost:
        say(f"LOST: no trail holds the head {head} any more: records were cut off since it was noted.")
    return 1 if lost or any(report.broken for report in reports) else 0


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise InvalidInputError(
            f"There is no role {text!r}: use owner, clinician, trainer or viewer."
        ) from None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInputError(f"{text!r} is not the id of an organisation.") from None
