"""What the audit trail tells: which acts there are, and how the records of one organisation hang together."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

Fact = str | int | float | bool | None
"""A detail of an act: an id, a count, a state, the name of a field. Never a person's name, address or any other
value that must vanish with them."""

GENESIS = "0" * 64
"""What stands in place of the record before the first."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Act(StrEnum):
    """What was done; before the dot, to what kind of thing. Stored by value, so a new one needs no migration."""

    ORGANISATION_CREATED = "organisation.created"
    USER_CREATED = "user.created"
    SIGNED_IN = "login.started"
    SIGNED_OUT = "login.ended"
    SIGN_IN_REFUSED = "login.refused"
    LOGINS_ENDED = "login.ended_elsewhere"
    ORGANISATION_ENTERED = "login.organisation_entered"
    ORGANISATION_LEFT = "login.organisation_left"
    LOGIN_CONFIRMED = "login.confirmed"
    SECOND_FACTOR_STARTED = "user.second_factor_started"
    SECOND_FACTOR_STOPPED = "user.second_factor_stopped"
    SECOND_FACTOR_RESET = "user.second_factor_reset"
    PASSKEY_RENAMED = "user.passkey_renamed"
    RECOVERY_CODES_MADE = "user.recovery_codes_made"
    PROVIDER_CHANGED = "identity_provider.changed"
    PROVIDER_REMOVED = "identity_provider.removed"
    PROVIDER_LINKED = "identity_provider.linked"
    SIGN_IN_RULES_CHANGED = "sign_in_rules.changed"
    PASSWORD_CHANGED = "user.password_changed"  # noqa: S105  # names of acts
    PASSWORD_RESET_ISSUED = "user.password_reset_issued"  # noqa: S105  # names of acts
    PASSWORD_RESET_USED = "user.password_reset_used"  # noqa: S105  # names of acts
    MEMBER_INVITED = "invitation.created"
    INVITATION_REVOKED = "invitation.revoked"
    MEMBER_JOINED = "member.joined"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    API_KEY_CREATED = "api_key.created"
    TOKEN_ISSUED = "api_key.token_issued"  # noqa: S105  # names of acts
    API_KEY_ROTATED = "api_key.rotated"
    API_KEY_REVOKED = "api_key.revoked"
    AUDIT_READ = "audit.read"

    TEAM_CREATED = "team.created"
    TEAM_CHANGED = "team.changed"
    TEAM_REMOVED = "team.removed"
    ATHLETE_CREATED = "athlete.created"
    ATHLETE_EDITED = "athlete.edited"
    ATHLETES_MERGED = "athlete.merged"
    RECORDING_MOVED = "recording.moved"
    RECORDING_CONFIRMED = "recording.confirmed"
    SCREENING_MOVED = "screening.moved"
    PRIVACY_CHANGED = "privacy.changed"
    CONSENT_DECIDED = "consent.decided"
    CONSENT_LINK_MADE = "consent.link_made"
    ERASURE_ASKED = "erasure.asked"
    ERASURE_DONE = "erasure.done"
    RETENTION_DONE = "retention.done"
    ATHLETE_EXPORTED = "athlete.exported"
    IMPORT_STARTED = "roster_import.started"
    IMPORT_DROPPED = "roster_import.dropped"
    ROSTER_IMPORTED = "roster.imported"
    ROSTER_EXPORTED = "roster.exported"
    ROSTER_CHANGE_UNDONE = "roster_change.undone"

    DAY_PLANNED = "screening_day.planned"
    DAY_CHANGED = "screening_day.changed"
    DAY_REMOVED = "screening_day.removed"
    DAY_CLOSED = "screening_day.closed"
    DAY_REOPENED = "screening_day.reopened"
    STATION_CODE_MADE = "station_pass.created"
    STATION_ENTERED = "station_pass.opened"
    STATION_ENDED = "station_pass.revoked"

    CAPTURE_ANNOUNCED = "capture.announced"
    CAPTURE_CANCELLED = "capture.cancelled"
    CAPTURE_REFUSED = "capture.refused"
    RECORDING_RECEIVED = "recording.received"
    RECORDING_REQUEUED = "recording.requeued"
    RECORDING_DELETED = "recording.deleted"
    RESULT_READ = "recording.result_read"
    SCREENING_READ = "screening.result_read"
    HISTORY_READ = "athlete.history_read"
    ORIGINAL_READ = "recording.original_read"
    OVERLAY_READ = "recording.overlay_read"
    STILL_READ = "recording.still_read"
    ANALYSES_READ = "analyses.read"
    METRICS_EXPORTED = "analyses.metrics_exported"
    EXPORT_ASKED = "export.asked"
    EXPORT_MADE = "export.made"
    EXPORT_READ = "export.read"
    EXPORT_REMOVED = "export.removed"

    CORRECTION_MADE = "correction.made"
    CORRECTION_UNDONE = "correction.undone"
    REANALYSIS_STARTED = "reanalysis.started"
    REANALYSIS_ACCEPTED = "reanalysis.accepted"
    REANALYSIS_CANCELLED = "reanalysis.cancelled"

    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_REMOVED = "webhook.removed"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105  # names of acts
    WEBHOOK_TESTED = "webhook.tested"
    WEBHOOK_REPLAYED = "webhook.replayed"
    WEBHOOK_DISABLED = "webhook.disabled"
    """By the service itself, because nothing was taken there."""


class ActorKind(StrEnum):
    """Who may do something."""

    USER = "user"
    API_KEY = "api_key"
    STATION = "station"
    """A phone at a station of a screening day; its id is that of the pass it came in by."""
    SERVICE = "service"
    """The service itself: a job, or whoever runs it, on the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One line of an organisation's trail, as it is stored."""

    organisation_id: UUID
    sequence: int
    """1, 2, 3 … within the organisation, without a gap."""
    created_at: datetime
    act: str
    actor_kind: ActorKind
    actor_id: UUID | None
    """The user's or the key's; None for the service itself."""
    object_id: UUID | None
    detail: str
    """JSON, exactly as it was hashed."""
    address: str
    """Network address the request came from; empty for the service itself."""
    user_agent_sha256: str
    """Tells two browsers apart without keeping what they say of themselves; empty for the service itself."""
    request_id: str
    previous_hash: str
    hash: str

    def digest(self) -> str:
        """Return the hash this record must carry: SHA-256 over its fields and the hash of the one before."""
        parts = (
            self.previous_hash,
            str(self.organisation_id),
            str(self.sequence),
            str((self.created_at - _EPOCH) // _MICROSECOND),
            self.act,
            self.actor_kind.value,
            str(self.actor_id or ""),
            str(self.object_id or ""),
            self.detail,
            self.address,
            self.user_agent_sha256,
            self.request_id,
        )
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


_MICROSECOND = datetime.resolution


class BrokenLink(StrEnum):
    """How a trail can show that somebody changed it."""

    MISSING = "a record is missing before this one"
    NOT_LINKED = "it does not name the record before it"
    CHANGED = "it was changed after it was written"


@dataclass(slots=True)
class ChainCheck:
    """Walks a trail from its first record and remembers where it stands."""

    noted: frozenset[str] = frozenset()
    """Hashes that were written down elsewhere."""
    found: frozenset[str] = frozenset()
    """Those of them that records walked so far carry."""
    n_records: int = 0
    head: str = GENESIS

    def accept(self, record: AuditRecord) -> BrokenLink | None:
        """Take the next record; return what is wrong with it, if anything."""
        if record.sequence != self.n_records + 1:
            return BrokenLink.MISSING
        if record.previous_hash != self.head:
            return BrokenLink.NOT_LINKED
        if record.digest() != record.hash:
            return BrokenLink.CHANGED
        self.n_records, self.head = record.sequence, record.hash
        self.found |= self.noted & {record.hash}
        return None


def detail_text(detail: Mapping[str, Fact]) -> str:
    """Return the details as the one text that is stored and hashed; plain ASCII, keys in order."""
    return json.dumps(dict(sorted(detail.items())), separators=(",", ":"))
