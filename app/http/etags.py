"""Versions of what can be edited: `ETag` names one, `If-Match` asks that it still be the present one."""

import re

from app.domain.errors import PreconditionFailedError

_TAG = re.compile(r'\s*(?:W/)?"v(\d{1,9})"\s*')


def etag_of(version: int) -> str:
    """Return the tag of a version."""
    return f'"v{version}"'


def expected_version(if_match: str | None) -> int | None:
    """Return the version an `If-Match` header names, None when any will do.

    Raise `PreconditionFailedError` for a tag that was never ours: no version matches it.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    match = _TAG.fullmatch(if_match)
    if match is None:
        raise PreconditionFailedError(
            "The If-Match header names no version of this.",
            how_to_fix="Send the ETag that came with it, unchanged.",
        )
    return int(match[1])
