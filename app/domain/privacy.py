"""How long an organisation keeps what, and what it does not keep at all."""

from dataclasses import dataclass, field
from typing import Final

from app.domain.consent import TEXT_VERSION, ConsentRules

MAX_DAYS: Final = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyRules:
    """An organisation's own rules; these are those of one that has not decided anything."""

    consent: ConsentRules = field(default_factory=ConsentRules)
    consent_text: str | None = None
    """The organisation's own; None is ours."""
    consent_text_version: str = TEXT_VERSION
    keep_original_days: int | None = 30
    """Videos as uploaded, counted from their arrival; None keeps them."""
    keep_pictures_days: int | None = 180
    """Overlay videos and stills."""
    keep_measures_days: int | None = 7 * 365
    """Everything about a recording."""
    numbers_only: bool = False
    """Videos and pictures go as soon as the numbers are there."""
    blur_faces: bool = False
    """Faces in overlay videos and stills are made unrecognisable."""
    drop_original_after_blur: bool = False
    """The video as uploaded, which shows the face, goes once the blurred pictures are there."""

    @property
    def drops_originals_with_faces(self) -> bool:
        """Whether no video as uploaded outlives its blurred pictures, whoever it shows."""
        return self.blur_faces and self.drop_original_after_blur

    @property
    def file_rules(self) -> tuple[bool, ...]:
        """What decides which files there are besides their age."""
        return self.blur_faces, self.numbers_only, self.drop_original_after_blur
