"""The pages at the door in every state: forgotten passwords, second factors, what an organisation asks for."""

from dataclasses import replace
from typing import Any

from app.domain.access import Principal, Role
from app.web.contexts.own import OrganisationRow, OrganisationsPage, OwnConsentPage, OwnPage, OwnRow
from app.web.contexts.parts import Choice, Link, Page, Problem, Viewer, When
from app.web.contexts.settings import AppSetupPage, RecoveryCodesPage, SignInRulesPage
from app.web.contexts.sign_in import (
    ConfirmPage,
    FindProviderPage,
    ForgotPasswordPage,
    LeavingPage,
    SecondStepPage,
)
from app.web.present_settings import (
    grace_choices,
    present_provider,
    second_factor_choices,
    settings_tabs,
)
from app.web.qr import qr_code


def sign_in_pages(*, viewer: Viewer, token: str, owner: Principal, when: When) -> dict[str, Page]:
    """Return the pages about a second factor, in every state."""
    shared: dict[str, Any] = {"viewer": viewer, "csrf_token": token, "problem": None}
    security = settings_tabs(owner, current="/settings/security")
    wrong = Problem(message="This code is not right", how_to_fix="Wait for the next.")
    address = (
        "otpauth://totp/Plumbline:kim%40example.org?secret=BWJG5FCUH7DFWVYCDDCWHILQXWZUNCKM&issuer=Plumbline"
    )
    step = SecondStepPage(
        title="Second step", **{**shared, "viewer": None}, next_path="/", has_app=True, has_passkeys=False
    )
    confirm = ConfirmPage(
        title="Is it you?",
        **shared,
        next_path="/settings/keys",
        asks_code=True,
        has_passkeys=False,
        organisation_id=None,
    )
    setup = AppSetupPage(
        title="Set up an authenticator app", **shared, tabs=security, qr_code=qr_code(address, label="QR code for the authenticator app"),
        secret="BWJG 5FCU H7DF WVYC DDCW HILQ XWZU NCKM", address=address,
    )  # fmt: skip
    clubs = (
        Choice(value="1", label="Harbour FC", chosen=False, hint="Harbour account"),
        Choice(value="2", label="Harbour Physio", chosen=False, hint="Clinic login"),
    )
    find = FindProviderPage(
        title="Sign in with your organisation", viewer=None, csrf_token=token, next_path="/", email="", problem=None,
        providers=(),
    )  # fmt: skip
    none_yet = present_provider(
        None, entered=None, redirect_uri="https://screen.example.org/sign-in/provider/callback", start_link=""
    )
    set_up = replace(
        none_yet, exists=True, name="Harbour account", issuer="https://login.example.org", client_id="plumbline",
        has_secret=True, domains="example.org", is_enabled=True,
        start_link="https://screen.example.org/sign-in/provider?club=1",
    )  # fmt: skip
    reminded = replace(viewer, second_factor_due="1 December")
    rules = SignInRulesPage(
        title="Sign-in", **{**shared, "viewer": reminded}, tabs=settings_tabs(owner, current="/settings/sign-in"),
        done=None, roles=second_factor_choices({Role.OWNER, Role.CLINICIAN}), grace=grace_choices(), starts=when,
        rule_version="v1", provider=set_up,
    )  # fmt: skip
    forgot = ForgotPasswordPage(
        title="Forgot your password?", viewer=None, csrf_token=token, can_mail=True, asked=False
    )
    home = Link(label="My results", href="/own")
    own = OwnPage(
        title="My results", viewer=viewer, csrf_token=token, done="Your decision is kept, and holds from now on.",
        athletes=(
            OwnRow(
                name="Ada Berg", screenings="Last screened on 14 Mar 2026.", results_href="/own/1",
                consent="You allow: analyse the videos and show the result; keep the videos and pictures.",
                consent_href="/own/1/consent",
            ),
            OwnRow(
                name="Bea Berg", screenings="Not screened yet.", results_href="/own/2",
                consent="Your decision is needed before anything is analysed.", consent_href="/own/2/consent",
            ),
        ),
    )  # fmt: skip
    decision = OwnConsentPage(
        title="Your decision", viewer=viewer, csrf_token=token, crumbs=(home,), action="/own/1/consent",
        athlete_name="Ada Berg", paragraphs=("We film a landing.",), waiting_note="The time named above is 30 days.",
        purposes=(Choice(value="screening", label="Analyse the videos", chosen=True, hint="Without this nothing."),),
        relations=(Choice(value="parent", label="mother or father", chosen=True),),
    )  # fmt: skip
    several = replace(viewer, may_switch=True)
    organisations = OrganisationsPage(
        title="Your organisations", viewer=several, csrf_token=token,
        organisations=(
            OrganisationRow(id="1", name="Harbour Physio", role="Owner", is_this=True, is_open=True),
            OrganisationRow(id="2", name="Harbour FC", role="Viewer", is_this=False, is_open=True),
            OrganisationRow(id="3", name="Rivals United", role="Trainer", is_this=False, is_open=False),
        ),
    )  # fmt: skip
    return {
        "own": own,
        "own-nobody": replace(own, athletes=(), done=None),
        "own-consent": decision,
        "organisations": organisations,
        "forgot-password": forgot,
        "forgot-password-asked": replace(forgot, asked=True),
        "forgot-password-no-mail": replace(forgot, can_mail=False),
        "second-step": step,
        "second-step-wrong": replace(step, problem=wrong),
        "second-step-passkey": replace(step, has_passkeys=True),
        "second-step-passkey-alone": replace(step, has_passkeys=True, has_app=False),
        "confirm-passkey": replace(confirm, has_passkeys=True),
        "confirm-provider": replace(confirm, asks_code=False, organisation_id="1"),
        "find-provider": find,
        "find-provider-wrong": replace(find, problem=wrong, email="kim@example.org"),
        "find-provider-several": replace(find, providers=clubs),
        "leaving": LeavingPage(
            title="On to the sign-in", viewer=None, csrf_token=token, provider_name="Harbour account", url="/elsewhere"
        ),
        "confirm-code": confirm,
        "confirm-password": replace(confirm, asks_code=False, problem=wrong),
        "app-setup": setup,
        "app-setup-wrong": replace(setup, problem=wrong),
        "recovery-codes": RecoveryCodesPage(
            title="Recovery codes", viewer=viewer, csrf_token=token, tabs=security,
            codes=tuple(f"ab{n}de-fgh{n}k-mnpq{n}" for n in range(10)),
        ),
        "settings-sign-in": rules,
        "settings-sign-in-refused": replace(rules, problem=wrong, starts=None, provider=none_yet, done="Saved."),
    }  # fmt: skip
