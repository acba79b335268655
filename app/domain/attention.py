"""Whom a team should look at first."""

MARKED_FROM = 60.0
"""Scores from here on are marked deviations (docs/method.md, bands)."""
SOME_FROM = 30.0
"""Scores from here on are some deviations."""
