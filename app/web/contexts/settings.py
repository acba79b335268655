"""The settings pages."""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from app.web.contexts.parts import Badge, Choice, Link, OneTimeLink, Page, Problem, When


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRow:
    """One browser that is signed in."""

    id: str
    browser: str
    last_seen: When
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What somebody has beside the password."""

    has_app: bool
    n_recovery_codes: int
    passkeys: tuple["PasskeyRow", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRow:
    """One passkey of somebody."""

    id: str
    name: str
    is_synced: bool
    last_used: "When | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPage(Page):
    """What every page of the settings has."""

    tabs: tuple[Link, ...]
    problem: Problem | None
    done: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSetupPage(Page):
    """What an authenticator app must be told."""

    template: ClassVar[str] = "app_setup.html"
    tabs: tuple[Link, ...]
    problem: Problem | None
    qr_code: Markup
    secret: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesPage(Page):
    """Codes that stand in for a lost second factor, shown once."""

    template: ClassVar[str] = "recovery_codes.html"
    tabs: tuple[Link, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderForm:
    """An organisation's identity provider, as entered."""

    exists: bool
    name: str
    issuer: str
    client_id: str
    has_secret: bool
    domains: str
    newcomers: tuple[Choice, ...]
    is_enabled: bool
    redirect_uri: str
    start_link: str
    version: str
    """Of what is set up, when the form was filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRulesPage(SettingsPage):
    """What the organisation asks for at its door."""

    template: ClassVar[str] = "settings_sign_in.html"
    roles: tuple[Choice, ...]
    grace: tuple[Choice, ...]
    starts: When | None
    rule_version: str
    provider: ProviderForm


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityPage(SettingsPage):
    """A person's own way in."""

    template: ClassVar[str] = "settings_security.html"
    factors: Factors
    is_required: bool
    """The organisation asks for a second factor, and nothing else opens before there is one."""
    logins: tuple[LoginRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """Somebody who belongs to the organisation."""

    id: str
    name: str
    email: str
    roles: tuple[Choice, ...]
    sees: str
    last_seen: When | None
    has_second_factor: bool
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    """Somebody who may become a member."""

    id: str
    email: str
    role: str
    expires: When


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersPage(SettingsPage):
    """Who belongs to the organisation, and who is invited."""

    template: ClassVar[str] = "settings_members.html"
    made: OneTimeLink | None
    members: tuple[MemberRow, ...]
    invitations: tuple[InvitationRow, ...]
    new_roles: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    entered_email: str
    can_mail: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One API key."""

    id: str
    name: str
    prefix: str
    scopes: str
    state: str
    is_open: bool
    last_used: When | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysPage(SettingsPage):
    """The organisation's API keys."""

    template: ClassVar[str] = "settings_keys.html"
    made: OneTimeLink | None
    keys: tuple[KeyRow, ...]
    scopes: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    entered_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow:
    """One webhook."""

    id: str
    url: str
    description: str
    told: str
    """What it is told of, in words."""
    state: Badge
    fate: str
    """What waits and what was given up, in words."""
    last_delivered: When | None
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksPage(SettingsPage):
    """Which other systems are told of what happens."""

    template: ClassVar[str] = "settings_webhooks.html"
    made: OneTimeLink | None
    webhooks: tuple[WebhookRow, ...]
    events: tuple[Choice, ...]
    teams: tuple[Choice, ...]
    entered_url: str
    entered_description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One message to a webhook."""

    id: str
    event: str
    state: Badge
    happened: When
    last: str
    """What the last attempt came to, in words."""
    answer: str
    next_attempt: When | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPage(SettingsPage):
    """One webhook and what was sent there."""

    template: ClassVar[str] = "settings_webhook.html"
    made: OneTimeLink | None
    webhook: WebhookRow
    deliveries: tuple[DeliveryRow, ...]
    states: tuple[Link, ...]
    more_href: str | None
