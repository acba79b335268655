"""The pages at the door in every state: forgotten passwords, second factors, what an organisation asks for."""

from dataclasses import replace
from typing import Any

from app.domain.access import Principal, Role
from app.web.contexts import (
    AppSetupPage,
    ConfirmPage,
    ForgotPasswordPage,
    Page,
    Problem,
    RecoveryCodesPage,
    SecondStepPage,
    SignInRulesPage,
    Viewer,
    When,
)
from app.web.present_settings import grace_choices, second_factor_choices, settings_tabs
from app.web.routes.settings_second_factor import qr_code


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
        title="Is it you?", **shared, next_path="/settings/keys", asks_code=True, has_passkeys=False
    )
    setup = AppSetupPage(
        title="Set up an authenticator app", **shared, tabs=security, qr_code=qr_code(address),
        secret="BWJG 5FCU H7DF WVYC DDCW HILQ XWZU NCKM", address=address,
    )  # fmt: skip
    reminded = replace(viewer, second_factor_due="1 December")
    rules = SignInRulesPage(
        title="Sign-in", **{**shared, "viewer": reminded}, tabs=settings_tabs(owner, current="/settings/sign-in"),
        done=None, roles=second_factor_choices({Role.OWNER, Role.CLINICIAN}), grace=grace_choices(), starts=when,
    )  # fmt: skip
    forgot = ForgotPasswordPage(
        title="Forgot your password?", viewer=None, csrf_token=token, can_mail=True, asked=False
    )
    return {
        "forgot-password": forgot,
        "forgot-password-asked": replace(forgot, asked=True),
        "forgot-password-no-mail": replace(forgot, can_mail=False),
        "second-step": step,
        "second-step-wrong": replace(step, problem=wrong),
        "second-step-passkey": replace(step, has_passkeys=True),
        "second-step-passkey-alone": replace(step, has_passkeys=True, has_app=False),
        "confirm-passkey": replace(confirm, has_passkeys=True),
        "confirm-code": confirm,
        "confirm-password": replace(confirm, asks_code=False, problem=wrong),
        "app-setup": setup,
        "app-setup-wrong": replace(setup, problem=wrong),
        "recovery-codes": RecoveryCodesPage(
            title="Recovery codes", viewer=viewer, csrf_token=token, tabs=security,
            codes=tuple(f"ab{n}de-fgh{n}k-mnpq{n}" for n in range(10)),
        ),
        "settings-sign-in": rules,
        "settings-sign-in-refused": replace(rules, problem=wrong, starts=None, done="Saved."),
    }  # fmt: skip
