"""What each page is given: one frozen dataclass per template, and the parts they are made of.

Everything here is ready to be shown. A test holds each class against what its template uses, both ways.
"""

from app.web.contexts.athletes import AthletePage
from app.web.contexts.days import CardsPage, DayPage, DaysPage, InboxPage, StationPage
from app.web.contexts.exports import ExportsPage
from app.web.contexts.own import OrganisationsPage, OwnConsentPage, OwnPage
from app.web.contexts.parts import Page
from app.web.contexts.privacy import PrivacyPage
from app.web.contexts.results import RecordingPage
from app.web.contexts.rosters import ConsentPage, ImportReviewPage, ImportStartPage
from app.web.contexts.settings import (
    AppSetupPage,
    KeysPage,
    MembersPage,
    RecoveryCodesPage,
    SecurityPage,
    SignInRulesPage,
    WebhookPage,
    WebhooksPage,
)
from app.web.contexts.sign_in import (
    ConfirmPage,
    ErrorPage,
    FindProviderPage,
    ForgotPasswordPage,
    JoinPage,
    LeavingPage,
    NewPasswordPage,
    SecondStepPage,
    SignInPage,
)
from app.web.contexts.teams import DashboardPage, NoTeamsPage
from app.web.contexts.uploads import UploadPage

PAGES: tuple[type[Page], ...] = (
    SignInPage,
    ErrorPage,
    DashboardPage,
    NoTeamsPage,
    UploadPage,
    RecordingPage,
    AthletePage,
    ConsentPage,
    ImportStartPage,
    ImportReviewPage,
    JoinPage,
    NewPasswordPage,
    ForgotPasswordPage,
    SecurityPage,
    OwnPage,
    OwnConsentPage,
    OrganisationsPage,
    SecondStepPage,
    ConfirmPage,
    AppSetupPage,
    RecoveryCodesPage,
    SignInRulesPage,
    PrivacyPage,
    FindProviderPage,
    LeavingPage,
    MembersPage,
    KeysPage,
    WebhooksPage,
    WebhookPage,
    ExportsPage,
    DaysPage,
    DayPage,
    CardsPage,
    InboxPage,
    StationPage,
)
"""Every page."""
