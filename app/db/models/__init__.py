"""Every table, so that the metadata is whole when this package is imported."""

from app.db.models.accounts import AccessToken, ApiKey, LoginSession, Membership, Organisation, UserAccount
from app.db.models.analyses import (
    Analysis,
    AnalysisEvent,
    AnalysisFeed,
    AnalysisPictures,
    AnalysisSummary,
    Assessment,
    AssessmentComponent,
    Finding,
    FlaggedFrame,
    Metric,
)
from app.db.models.audit import AuditEntry
from app.db.models.captures import Capture
from app.db.models.changes import RosterChange, RosterChangeItem
from app.db.models.corrections import AnalysisCorrection, Correction, CorrectionUndo
from app.db.models.days import DayCapture, DayStation, ScreeningDay, StationPass
from app.db.models.exports import ExportJob
from app.db.models.imports import RosterImport
from app.db.models.limits import AthleteLink, TeamLimit
from app.db.models.links import Invitation, PasswordReset
from app.db.models.mail import OutgoingMail
from app.db.models.privacy import ConsentDecision, ConsentText, Erasure, GuardianLink, PrivacySettings
from app.db.models.quotas import OrganisationQuota
from app.db.models.reanalyses import Reanalysis, ReanalysisItem
from app.db.models.recordings import IdempotencyKey, OrganisationTurn, Recording, RecordingEvent
from app.db.models.roster import (
    Athlete,
    AthleteExternalId,
    AthleteTombstone,
    AthleteWord,
    Screening,
    ScreeningJudgement,
    Team,
    TeamMember,
    Trial,
)
from app.db.models.sign_in import IdentityProvider, Passkey, ProviderLink, SignInPolicy, SignInStep
from app.db.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage

__all__ = [
    "AccessToken",
    "Analysis",
    "AnalysisCorrection",
    "AnalysisEvent",
    "AnalysisFeed",
    "AnalysisPictures",
    "AnalysisSummary",
    "ApiKey",
    "Assessment",
    "AssessmentComponent",
    "Athlete",
    "AthleteExternalId",
    "AthleteLink",
    "AthleteTombstone",
    "AthleteWord",
    "AuditEntry",
    "Capture",
    "ConsentDecision",
    "ConsentText",
    "Correction",
    "CorrectionUndo",
    "DayCapture",
    "DayStation",
    "Erasure",
    "ExportJob",
    "Finding",
    "FlaggedFrame",
    "GuardianLink",
    "IdempotencyKey",
    "IdentityProvider",
    "Invitation",
    "LoginSession",
    "Membership",
    "Metric",
    "Organisation",
    "OrganisationQuota",
    "OrganisationTurn",
    "OutgoingMail",
    "Passkey",
    "PasswordReset",
    "PrivacySettings",
    "ProviderLink",
    "Reanalysis",
    "ReanalysisItem",
    "Recording",
    "RecordingEvent",
    "RosterChange",
    "RosterChangeItem",
    "RosterImport",
    "Screening",
    "ScreeningDay",
    "ScreeningJudgement",
    "SignInPolicy",
    "SignInStep",
    "StationPass",
    "Team",
    "TeamLimit",
    "TeamMember",
    "Trial",
    "UserAccount",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
]
