"""The pages of the settings, of webhooks and of exports, with sample content."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from app.domain.access import Principal, Role
from app.domain.webhooks import DisabledReason
from app.web.contexts.exports import ExportsPage
from app.web.contexts.parts import Choice, OneTimeLink, Page, Problem, Viewer, When
from app.web.contexts.settings import (
    Factors,
    InvitationRow,
    KeyRow,
    KeysPage,
    LoginRow,
    MemberRow,
    MembersPage,
    PasskeyRow,
    SecurityPage,
    WebhookPage,
    WebhooksPage,
)
from app.web.contexts.sign_in import InvitedTo, JoinPage, NewPasswordPage
from app.web.present_exports import format_choices, movement_choices, present_export
from app.web.present_settings import role_choices, scope_choices, settings_tabs
from app.web.present_webhooks import event_choices, present_delivery, present_webhook, state_links
from tests.web import samples
from tests.web.preview_doors import sign_in_pages
from tests.web.preview_privacy import privacy_pages

VIEWER = Viewer(display_name="Dr. Ines Halloran", organisation_name="Harbour Physio & Performance")
TOKEN = "t0ken"


def settings_pages() -> dict[str, Page]:
    """Return the pages about people, keys and one's own way in, in every state."""
    problem = Problem(message="This is the last owner", how_to_fix="Make somebody else an owner first.")
    shared: dict[str, Any] = {"viewer": VIEWER, "csrf_token": TOKEN, "problem": None}
    when = When(iso="2026-03-14T16:05:00+00:00", text="14 Mar 2026")
    owner = Principal(organisation_id=uuid4(), role=Role.OWNER, display_name="Kim")
    teams = (
        Choice(value="1", label="U17 women", chosen=True),
        Choice(value="2", label="First team", chosen=False),
    )
    link = OneTimeLink(
        label="The link for sam@example.org", value="http://127.0.0.1/join#" + "k" * 43, note="Hand it over."
    )
    invited = InvitedTo(
        organisation_name="Harbour FC", role="Trainer", email="sam@example.org", has_account=False
    )
    join = JoinPage(title="Join", **{**shared, "viewer": None}, token="", invited=None, entered_name="")
    people = MembersPage(
        title="Members",
        **shared,
        tabs=settings_tabs(owner, current="/settings/members"),
        done=None,
        made=link,
        members=(
            MemberRow(
                id="1", name="Kim Owner", email="kim@example.org", roles=role_choices(Role.OWNER),
                sees="Sees the whole organisation", last_seen=when,
                has_second_factor=True, version="v1",
            ),
            MemberRow(
                id="2", name="Gil Guardian", email="gil@example.org", roles=(), sees="Sees one", last_seen=None,
                has_second_factor=False, version="v1",
            ),
        ),
        invitations=(InvitationRow(id="3", email="sam@example.org", role="Trainer", expires=when),),
        new_roles=role_choices(Role.TRAINER),
        teams=teams,
        entered_email="",
        can_mail=True,
    )  # fmt: skip
    keys = KeysPage(
        title="API keys",
        **shared,
        tabs=settings_tabs(owner, current="/settings/keys"),
        done=None,
        made=link,
        keys=(
            KeyRow(
                id="1", name="Sync", prefix="pl_live_0123456789abcdef", scopes="See teams and athletes",
                state="open", is_open=True, last_used=when,
            ),
            KeyRow(
                id="2", name="Old", prefix="pl_live_fedcba9876543210", scopes="Read results", state="ended",
                is_open=False, last_used=None,
            ),
        ),
        scopes=scope_choices({"roster:read"}),
        teams=teams,
        entered_name="",
    )  # fmt: skip
    passkeys = (
        PasskeyRow(id="1", name="My phone", is_synced=True, last_used=when),
        PasskeyRow(id="2", name="Key on the ring", is_synced=False, last_used=None),
    )
    security = SecurityPage(
        title="My security",
        **shared,
        tabs=settings_tabs(owner, current="/settings/security"),
        done="Your password is changed, and every other login ended.",
        factors=Factors(has_app=False, n_recovery_codes=0, passkeys=()),
        is_required=False,
        logins=(
            LoginRow(id="1", browser="Firefox on Windows", last_seen=when, is_this=True),
            LoginRow(id="2", browser="Safari on iPhone", last_seen=when, is_this=False),
        ),
    )
    password = NewPasswordPage(title="New password", **{**shared, "viewer": None}, token="")
    return {
        "join": join,
        "join-new": replace(join, token="k" * 43, invited=invited),
        "join-known": replace(join, token="k" * 43, invited=replace(invited, has_account=True)),
        "new-password": password,
        "settings-security": security,
        "settings-security-on": replace(
            security, factors=Factors(has_app=True, n_recovery_codes=9, passkeys=passkeys), done=None
        ),
        "settings-security-asked": replace(security, is_required=True, done=None),
        **sign_in_pages(viewer=VIEWER, token=TOKEN, owner=owner, when=when),
        **privacy_pages(viewer=VIEWER, token=TOKEN, owner=owner),
        "settings-members": people,
        "settings-members-refused": replace(people, made=None, problem=problem, done="Removed."),
        "settings-keys": keys,
        "settings-keys-none": replace(keys, keys=(), teams=(), made=None, done="The key is ended."),
    }


def webhook_pages() -> dict[str, Page]:
    """Return the pages about webhooks, in every state."""
    owner = Principal(organisation_id=uuid4(), role=Role.OWNER, display_name="Kim")
    shared: dict[str, Any] = {
        "viewer": VIEWER, "csrf_token": TOKEN, "problem": None, "done": None, "made": None,
        "tabs": settings_tabs(owner, current="/settings/webhooks"),
    }  # fmt: skip
    hook = present_webhook(samples.WEBHOOK, teams={samples.TEAM.id: samples.TEAM.name})
    off = replace(samples.WEBHOOK, enabled=False, disabled_reason=DisabledReason.FAILING, n_failed=41)
    stopped = present_webhook(off, teams={})
    listed = WebhooksPage(
        title="Webhooks",
        **shared,
        webhooks=(hook, stopped),
        events=event_choices(()),
        teams=(Choice(value="1", label="U17 women", chosen=False),),
        entered_url="",
        entered_description="",
    )
    one = WebhookPage(
        title="Webhook",
        **shared,
        webhook=hook,
        deliveries=tuple(map(present_delivery, samples.deliveries())),
        states=state_links("/settings/webhooks/1", current=None),
        more_href="/settings/webhooks/1?cursor=x",
    )
    made = OneTimeLink(
        label="The secret of the webhook",
        value="whsec_" + "k" * 44,
        note="The receiver checks every message with it, by a Standard Webhooks library.",
    )
    problem = Problem(
        message="The address is not on the public internet", how_to_fix="Give a public https:// address."
    )
    refused = replace(
        listed,
        webhooks=(),
        events=event_choices({"recording.ready"}),
        problem=problem,
        entered_url="https://x",
    )
    return {
        "settings-webhooks": listed,
        "settings-webhooks-made": replace(listed, made=made, webhooks=(hook,), teams=()),
        "settings-webhooks-refused": refused,
        "settings-webhook": one,
        "settings-webhook-off": replace(
            one, webhook=stopped, deliveries=(), more_href=None, done="The webhook is switched off."
        ),
    }


def export_pages() -> dict[str, Page]:
    """Return the page about exports, in every state."""
    names = {samples.TEAM.id: samples.TEAM.name}
    page = ExportsPage(
        title="Exports",
        viewer=VIEWER,
        csrf_token=TOKEN,
        problem=None,
        done="The file is being made. You can leave this page.",
        exports=tuple(present_export(each, teams=names) for each in samples.exports()),
        is_live=True,
        formats=format_choices("xlsx"),
        teams=(Choice(value="", label="All teams", chosen=True),),
        movements=movement_choices(""),
        entered_from="2026-01-01",
        entered_to="",
    )
    problem = Problem(message="The first day lies after the last", how_to_fix="Exchange the two.")
    return {
        "exports": page,
        "exports-none": replace(page, exports=(), is_live=False, done=None, problem=problem),
    }
