"""The workers' part of telling other systems: who is told, the sending, and what follows when nobody takes it.

Takes the `UnitOfWorkFactory`: short transactions, none open while something is sent. Every message is sent at least
once: an attempt is held under a lease, and one that died with its worker is made again.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from app.db.repositories.deliveries import DeliveryClaim
from app.db.repositories.webhooks import HANDED_OUT
from app.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from app.domain.audit import Act
from app.domain.webhooks import DisabledReason, PostOutcome, WebhookPolicy
from app.integrations.webhook_messages import body_of, headers_of, secret_of
from app.services.webhook_config import Post, WebhookConfig
from app.services.webhooks import KEPT_FOR, secret_digest

DisabledHook = Callable[[UnitOfWork, UUID, DisabledReason], None]
"""Called in the transaction that switches an endpoint off, with its id and why: for whoever tells people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """All that sending needs; one per process, safe to share between threads."""

    uow_factory: UnitOfWorkFactory
    post: Post
    config: WebhookConfig
    policy: WebhookPolicy
    on_disabled: DisabledHook | None = None
    """None: the settings page and the audit trail tell."""

    def hand_out(self, organisation_id: UUID) -> list[UUID]:
        """Decide who is told of what has happened; return the endpoints to which something is to be sent now."""
        while True:
            with self.uow_factory(organisation_id) as uow:
                n_messages = uow.webhooks.hand_out(organisation_id=organisation_id)
                due = uow.deliveries.endpoints_due(organisation_id=organisation_id)
            if n_messages < HANDED_OUT:
                return due

    def deliver(
        self, organisation_id: UUID, endpoint_id: UUID, *, goes_on: Callable[[], bool] = lambda: True
    ) -> int:
        """Send what is due to one endpoint, oldest first, until nothing is or it does not take it; return how many."""
        started_s, n_sent = time.monotonic(), 0
        while goes_on() and time.monotonic() - started_s < self.policy.slice_s:
            with self.uow_factory(organisation_id) as uow:
                claim = uow.deliveries.claim(
                    organisation_id=organisation_id, endpoint_id=endpoint_id, lease_s=self.policy.lease_s
                )
            if claim is None:
                break
            signing = self._secrets_of(claim)
            if signing is None:
                self._disable_unsigned(organisation_id, endpoint_id, claim)
                break
            outcome = self._send(claim, signing=signing)
            with self.uow_factory(organisation_id) as uow:
                self._record(uow, organisation_id, endpoint_id, claim=claim, outcome=outcome)
            n_sent += 1
        return n_sent

    def _secrets_of(self, claim: DeliveryClaim) -> list[str] | None:
        """Return the secrets that sign, the present one first; None when it is not the one that was shown."""
        secret = secret_of(claim.salt, secret_key=self.config.secret_key)
        if secret_digest(secret) != claim.secret_sha256:
            return None
        before = claim.previous_salt
        return [secret] if before is None else [secret, secret_of(before, secret_key=self.config.secret_key)]

    def _send(self, claim: DeliveryClaim, *, signing: list[str]) -> PostOutcome:
        body = body_of(
            event=claim.event.value,
            happened_at=claim.happened_at,
            content=claim.content,
            base_url=self.config.base_url,
        )
        headers = headers_of(
            body, message_id=str(claim.message_id), sent_at=datetime.now(UTC), secrets=signing
        )
        return self.post(claim.url, headers=headers, body=body)

    def _record(
        self,
        uow: UnitOfWork,
        organisation_id: UUID,
        endpoint_id: UUID,
        *,
        claim: DeliveryClaim,
        outcome: PostOutcome,
    ) -> None:
        """Write down what came of it: when it is tried again, and whether the endpoint is left alone or given up."""
        is_gone = outcome.status == HTTPStatus.GONE
        is_last = is_gone or claim.attempt >= self.policy.max_attempts
        uow.deliveries.record(
            claim,
            organisation_id=organisation_id,
            outcome=outcome,
            retry_in_s=None if is_last else self._jittered(self.policy.retry_delays_s[claim.attempt - 1]),
        )
        if outcome.failure is None:
            uow.deliveries.note_taken(endpoint_id)
            return
        endpoint = uow.webhooks.find_endpoint(organisation_id=organisation_id, endpoint_id=endpoint_id)
        if endpoint is None:
            return
        pause_s = self._pause_s(outcome, n_failures=endpoint.n_failures + 1)
        _, failing_s = uow.deliveries.note_failed(endpoint_id, pause_s=pause_s)
        if not endpoint.enabled:
            return
        if is_gone:
            self._disable(uow, endpoint_id, reason=DisabledReason.GONE)
        elif failing_s >= self.policy.disable_after_s:
            self._disable(uow, endpoint_id, reason=DisabledReason.FAILING)

    def _pause_s(self, outcome: PostOutcome, *, n_failures: int) -> float | None:
        """Return how long nothing at all is sent there; None when the next message may fare better."""
        if not outcome.holds_for_all:
            return None
        asked_s = min(outcome.retry_after_s or 0.0, self.policy.longest_pause_s)
        return max(asked_s, self._jittered(self.policy.pause_s(n_failures)))

    def _jittered(self, seconds: float) -> float:
        share = self.policy.jitter
        return seconds * random.uniform(1.0 - share, 1.0 + share)  # noqa: S311  # scatters, keeps no secret

    def _disable_unsigned(self, organisation_id: UUID, endpoint_id: UUID, claim: DeliveryClaim) -> None:
        with self.uow_factory(organisation_id) as uow:
            uow.deliveries.release(claim)
            self._disable(uow, endpoint_id, reason=DisabledReason.SECRET_LOST)

    def _disable(self, uow: UnitOfWork, endpoint_id: UUID, *, reason: DisabledReason) -> None:
        uow.webhooks.disable(endpoint_id, reason=reason)
        uow.audit.record(actor=None, act=Act.WEBHOOK_DISABLED, object_id=endpoint_id, reason=reason.value)
        if self.on_disabled is not None:
            self.on_disabled(uow, endpoint_id, reason)


def due_organisations(*, uow_factory: UnitOfWorkFactory, limit: int = 200) -> list[UUID]:
    """Return the organisations that have something to tell, for the sweep."""
    with uow_factory(None) as uow:
        return uow.webhooks.due_organisations(limit=limit)


def forget_old_messages(uow: UnitOfWork, *, organisation_id: UUID) -> int:
    """Remove messages of long ago with the log of sending them; return how many."""
    return uow.webhooks.drop_old(organisation_id=organisation_id, older_than_s=KEPT_FOR.total_seconds())
