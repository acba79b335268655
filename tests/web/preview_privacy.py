"""The settings page about privacy in every state."""

from dataclasses import replace
from uuid import UUID

from app.domain.access import Principal
from app.domain.privacy import PrivacyRules
from app.services.removals import Removals
from app.web.contexts.parts import Page, Problem, Viewer
from app.web.contexts.privacy import PrivacyPage
from app.web.present_privacy import PrivacyRequest, note_removals, present_privacy
from app.web.present_settings import settings_tabs
from app.web.privacy_fields import PrivacyEntries


def privacy_pages(*, viewer: Viewer, token: str, owner: Principal) -> dict[str, Page]:
    """Return the page as it is, asking before it removes more, with wrong numbers, and overtaken by somebody."""
    entries = PrivacyEntries.of(PrivacyRules(consent_text="We film a landing.\nNobody else sees it."))
    nothing = Removals(whole=frozenset(), originals=frozenset(), pictures=frozenset(), redrawn=frozenset())
    ids = frozenset(map(UUID, map("{:032x}".format, range(12))))
    some = Removals(whole=frozenset([UUID(int=99)]), originals=ids, pictures=ids, redrawn=ids)
    asked = PrivacyRequest(entries=entries, version="1" * 24)
    page = PrivacyPage(
        title="Privacy",
        viewer=viewer,
        csrf_token=token,
        tabs=settings_tabs(owner, current="/settings/privacy"),
        problem=None,
        done="Saved.",
        form=replace(present_privacy(asked), our_text="We film a landing."),
        tried=None,
        is_asked=False,
        due=note_removals(nothing, title="The next night, by the rules as they are"),
    )
    tried = note_removals(some, title="As soon as these rules are saved")
    wrong = {
        "rule": "Choose whose consent is asked for.",
        "age": "Enter a whole number of years, 0 to 21.",
        "keep_original_days": "Enter a whole number of days, 0 to 36500, or leave it empty: for ever.",
        "consent_text": "The consent text must have between 40 and 20000 characters.",
    }
    refused = replace(asked, entries=entries.model_copy(update={"rule": "", "age": "old"}), errors=wrong)
    overtaken = replace(asked, overtaken=entries.model_copy(update={"age": "14", "consent_text": ""}))
    problem = Problem(message="Something needs correcting", how_to_fix="See the marked fields.")
    return {
        "settings-privacy": page,
        "settings-privacy-asked": replace(page, done=None, tried=tried, is_asked=True),
        "settings-privacy-tried": replace(
            page, done=None, tried=note_removals(nothing, title="The next night, by these rules")
        ),
        "settings-privacy-refused": replace(
            page, problem=problem, form=replace(present_privacy(refused), our_text="We film a landing.")
        ),
        "settings-privacy-overtaken": replace(
            page, problem=problem, form=replace(present_privacy(overtaken), our_text="We film a landing.")
        ),
    }
