"""Telling the owners when a webhook was switched off, where there is a mail server; the settings page says it in any case."""

from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Role
from app.domain.webhooks import DisabledReason
from app.services.letters import webhook_letter
from app.services.outbox import NOTICE_GOOD_FOR_S, Post

_MAX_MEMBERS = 1000


def tell_owners(uow: UnitOfWork, webhook_id: UUID, reason: DisabledReason, *, post: Post | None) -> None:
    """Put a letter to each owner into the outbox, in the transaction that switches the webhook off."""
    organisation_id = uow.organisation_id
    if post is None or organisation_id is None:
        return
    members = uow.members.list_by_email(organisation_id=organisation_id, after=None, limit=_MAX_MEMBERS)
    for member in members:
        if member.role is Role.OWNER:
            letter = webhook_letter(
                to=member.email,
                display_name=member.display_name,
                why=_WHY[reason],
                webhook_url=f"{post.base_url}/settings/webhooks/{webhook_id}",
            )
            post.write(uow, letter, organisation_id=organisation_id, good_for_s=NOTICE_GOOD_FOR_S)


_WHY = {
    DisabledReason.BY_HAND: "Somebody switched it off.",
    DisabledReason.FAILING: "Nothing was taken there for three days.",
    DisabledReason.GONE: "It answered that it is gone.",
    DisabledReason.SECRET_LOST: "Plumbline's own secret key was exchanged, so that messages could not be signed as agreed.",
}
