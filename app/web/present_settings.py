"""The settings pages: people, keys, and a person's own way in."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

from app.domain.access import PERMISSIONS, Permission, Principal, Role
from app.domain.sign_in import SECOND_FACTOR_ROLES
from app.domain.versions import tag_of
from app.services.logins import LoginView
from app.services.members import InvitationView, MemberView
from app.services.passkeys import PasskeyView
from app.services.provider_setup import DEFAULT_ROLES, ProviderChange, ProviderView
from app.services.read_models import ApiKeySummary, TeamSummary
from app.web.contexts.parts import Choice, Link, Problem, When
from app.web.contexts.settings import InvitationRow, KeyRow, LoginRow, MemberRow, PasskeyRow, ProviderForm

ROLE_LABELS: Final[dict[Role, str]] = {
    Role.OWNER: "Owner",
    Role.CLINICIAN: "Clinician",
    Role.TRAINER: "Trainer",
    Role.VIEWER: "Viewer",
    Role.ATHLETE: "Athlete or guardian",
    Role.INTEGRATION: "Program",
}
SCOPE_LABELS: Final[dict[str, str]] = {
    "roster:read": "See teams and athletes",
    "roster:write": "Change teams and athletes",
    "recordings:write": "Send videos",
    "results:read": "Read results",
    "videos:read": "Watch videos",
    "audit:read": "Read the audit trail",
    "members:manage": "Invite and remove people",
    "keys:manage": "Make and revoke API keys",
    "privacy:manage": "Decide on consent and how long things are kept",
    "webhooks:manage": "Manage webhooks",
}
CHOSEN_ROLES: Final = (Role.OWNER, Role.CLINICIAN, Role.TRAINER, Role.VIEWER)
"""Roles the form offers; the login of an athlete is linked to them over REST."""
_BROWSERS: Final = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def settings_tabs(principal: Principal, *, current: str) -> tuple[Link, ...]:
    """Return the settings this person may open."""
    tabs = [("My security", "/settings/security")]
    if principal.may(Permission.MEMBERS_MANAGE):
        tabs.append(("Members", "/settings/members"))
        tabs.append(("Sign-in", "/settings/sign-in"))
    if principal.may(Permission.PRIVACY_MANAGE):
        tabs.append(("Privacy", "/settings/privacy"))
    if principal.may(Permission.KEYS_MANAGE):
        tabs.append(("API keys", "/settings/keys"))
    if principal.may(Permission.WEBHOOKS_MANAGE):
        tabs.append(("Webhooks", "/settings/webhooks"))
    return tuple(Link(label=label, href=href, current=href == current) for label, href in tabs)


def when_of(when: datetime) -> When:
    """Return a time for programs and readers."""
    return When(iso=when.isoformat(), text=f"{when:%d %b %Y}")


def present_login(login: LoginView) -> LoginRow:
    """Return one browser that is signed in."""
    return LoginRow(
        id=str(login.id),
        browser=browser_text(login.user_agent),
        last_seen=when_of(login.last_seen_at),
        is_this=login.is_this,
    )


def present_passkey(passkey: PasskeyView) -> PasskeyRow:
    """Return one passkey."""
    return PasskeyRow(
        id=str(passkey.id),
        name=passkey.name,
        is_synced=passkey.is_synced,
        last_used=None if passkey.last_used_at is None else when_of(passkey.last_used_at),
    )


def browser_text(user_agent: str) -> str:
    """Return which browser this says it is, in a few words."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or re.sub(r"[/;(].*", "", user_agent).strip()[:40] or "A browser"


def present_member(member: MemberView, *, teams: dict[str, str]) -> MemberRow:
    """Return one member with the roles they could have."""
    return MemberRow(
        id=str(member.user_id),
        name=member.display_name,
        email=member.email,
        roles=() if member.role is Role.ATHLETE else role_choices(member.role),
        sees=_sees(member, teams=teams),
        last_seen=None if member.last_seen_at is None else when_of(member.last_seen_at),
        has_second_factor=member.has_second_factor,
        version=member.tag,
    )


def overtaken(what: str) -> Problem:
    """Return the answer to a form that somebody else was faster than."""
    return Problem(
        message=f"Somebody was faster: {what} has changed since you opened this page, and nothing of yours was done",
        how_to_fix="This is how it is now. Change it again where you still want to.",
    )


def second_factor_choices(chosen: Collection[Role]) -> tuple[Choice, ...]:
    """Return the roles of which a second factor can be asked."""
    return tuple(
        Choice(value=role.value, label=ROLE_LABELS[role], chosen=role in chosen)
        for role in SECOND_FACTOR_ROLES
    )


def present_provider(
    provider: ProviderView | None,
    *,
    entered: ProviderChange | None,
    redirect_uri: str,
    start_link: str,
    version: str | None = None,
) -> ProviderForm:
    """Return the form about the identity provider: what was just entered, or what is set up."""
    shown = entered or provider
    role = None if shown is None else shown.default_role
    newcomers = [("", "is not let in", role is None)]
    newcomers += [
        (each.value, f"becomes {ROLE_LABELS[each].lower()}", role is each) for each in DEFAULT_ROLES
    ]
    return ProviderForm(
        exists=provider is not None,
        name="" if shown is None else shown.name,
        issuer="" if shown is None else shown.issuer,
        client_id="" if shown is None else shown.client_id,
        has_secret=provider is not None and provider.has_secret,
        domains="" if shown is None else "\n".join(shown.email_domains),
        newcomers=tuple(
            Choice(value=value, label=label, chosen=chosen) for value, label, chosen in newcomers
        ),
        is_enabled=shown is not None and shown.is_enabled,
        redirect_uri=redirect_uri,
        start_link=start_link,
        version=version or (tag_of(None) if provider is None else provider.tag),
    )


def grace_choices() -> tuple[Choice, ...]:
    """Return how long those without may take to set one up."""
    words = {0: "at once", 7: "in a week", 14: "in two weeks", 30: "in a month"}
    return tuple(Choice(value=str(days), label=text, chosen=days == 7) for days, text in words.items())


def role_choices(chosen: Role) -> tuple[Choice, ...]:
    """Return the roles a form offers."""
    return tuple(
        Choice(value=role.value, label=ROLE_LABELS[role], chosen=role is chosen) for role in CHOSEN_ROLES
    )


def _sees(member: MemberView, *, teams: dict[str, str]) -> str:
    if member.role is Role.ATHLETE:
        n_athletes = len(member.athlete_ids)
        return f"Sees the results of {n_athletes} {'athlete' if n_athletes == 1 else 'athletes'}"
    if member.team_ids is None:
        return "Sees the whole organisation"
    names = sorted(teams[str(team_id)] for team_id in member.team_ids if str(team_id) in teams)
    return f"Sees {', '.join(names)}" if names else "Sees no team"


def present_invitation(invitation: InvitationView) -> InvitationRow:
    """Return an invitation nobody has accepted yet."""
    return InvitationRow(
        id=str(invitation.id),
        email=invitation.email,
        role=ROLE_LABELS[invitation.role],
        expires=when_of(invitation.expires_at),
    )


def present_key(key: ApiKeySummary, *, now: datetime) -> KeyRow:
    """Return one key and whether it still opens."""
    is_over = key.expires_at is not None and key.expires_at <= now
    state = "revoked" if key.revoked_at else "expired" if is_over else "open"
    if state == "open" and key.previous_until is not None and key.previous_until > now:
        state = f"open, the old secret until {key.previous_until:%d %b}"
    scopes = ", ".join(SCOPE_LABELS.get(scope.value, scope.value) for scope in sorted(key.scopes))
    return KeyRow(
        id=str(key.id),
        name=key.name,
        prefix=key.prefix,
        scopes=scopes if key.team_ids is None else f"{scopes} ({len(key.team_ids)} of the teams)",
        state=state,
        is_open=key.revoked_at is None and not is_over,
        last_used=None if key.last_used_at is None else when_of(key.last_used_at),
    )


def scope_choices(chosen: Collection[str]) -> tuple[Choice, ...]:
    """Return what a key can be allowed to do."""
    return tuple(
        Choice(
            value=scope.value,
            label=SCOPE_LABELS.get(scope.value, scope.value),
            chosen=scope.value in chosen,
        )
        for scope in Permission
        if scope in PERMISSIONS[Role.INTEGRATION]
    )


def team_choices(teams: Collection[TeamSummary], *, chosen: Collection[str]) -> tuple[Choice, ...]:
    """Return the teams somebody or something can be limited to."""
    return tuple(Choice(value=str(team.id), label=team.name, chosen=str(team.id) in chosen) for team in teams)
