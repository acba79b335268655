"""Guesses in words: why a recording needs somebody, and what speaks for an athlete."""

from collections.abc import Mapping
from typing import Final

from app.domain.day_doubts import Doubt
from app.domain.day_guesses import Reason

DOUBT_WORDS: Final[Mapping[Doubt, str]] = {
    Doubt.NOBODY: "No athlete was named.",
    Doubt.NOT_EXPECTED: "The athlete is not of this day's team.",
    Doubt.SURPLUS: "The athlete has more trials than planned, and this one fits least.",
    Doubt.OUT_OF_ORDER: "It lies among another athlete's, who lacks a trial.",
}
REASON_WORDS: Final[Mapping[Reason, str]] = {
    Reason.BIB: "wears the bib that was typed",
    Reason.FILENAME: "the file is named so",
    Reason.OTHER_CAMERA: "the other camera filmed them at this moment",
    Reason.NO_PAUSE: "the station did not pause between this and others of theirs",
    Reason.BETWEEN: "filmed just before and just after at this station",
    Reason.SAME_AS_BEFORE: "filmed just before at this station",
    Reason.SAME_AS_AFTER: "filmed just after at this station",
    Reason.NEXT_IN_ORDER: "next on the list",
    Reason.FITS: "the number of videos here fits the trials that are lacking",
    Reason.SAID: "the station said so",
    Reason.ONLY_ONE_LACKING: "the only one who still lacks trials",
    Reason.LACKS_TRIALS: "still lacks trials",
}
