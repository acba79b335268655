"""Signing in, and the links that open a door once."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.contexts.parts import Choice, Link, Page, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage(Page):
    """The sign-in form."""

    template: ClassVar[str] = "sign_in.html"
    email: str
    next_path: str
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(Page):
    """Something went wrong."""

    template: ClassVar[str] = "error.html"
    status: int
    problem: Problem
    home: Link
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitedTo:
    """What an invitation is for."""

    organisation_name: str
    role: str
    email: str
    has_account: bool
    """They type the password they have; otherwise they choose one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinPage(Page):
    """Coming in by an invitation: first its code, then name and password."""

    template: ClassVar[str] = "join.html"
    token: str
    invited: InvitedTo | None
    entered_name: str
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasswordPage(Page):
    """A new password by a link."""

    template: ClassVar[str] = "new_password.html"
    token: str
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgotPasswordPage(Page):
    """Asking for a link by mail."""

    template: ClassVar[str] = "forgot_password.html"
    can_mail: bool
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStepPage(Page):
    """The second step of a sign-in."""

    template: ClassVar[str] = "second_step.html"
    next_path: str
    has_app: bool
    has_passkeys: bool
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPage(Page):
    """Proving again who one is, before a change of security."""

    template: ClassVar[str] = "confirm.html"
    next_path: str
    asks_code: bool
    has_passkeys: bool
    organisation_id: str | None
    """Came in by its identity provider, and may prove it there again."""
    problem: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindProviderPage(Page):
    """Finding the identity provider of one's organisation."""

    template: ClassVar[str] = "find_provider.html"
    next_path: str
    email: str
    problem: Problem | None
    providers: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingPage(Page):
    """On the way to an identity provider; the page goes on by itself."""

    template: ClassVar[str] = "leaving.html"
    provider_name: str
    url: str
