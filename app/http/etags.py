"""Versions of what can be edited: `ETag` names one, `If-Match` asks that it still be the present one."""

import re

from starlette.responses import Response

from app.domain.versions import ANY, Expected

HEADER = "If-Match"
_LIST = re.compile(r'(?:[\s,]*(?:W/)?"[^"]*")+[\s,]*')
_TAG = re.compile(r'"([^"]*)"')


def expected_of(if_match: str | None) -> Expected:
    """Return the versions an `If-Match` header names.

    A proxy that compresses marks our tags as weak (``W/``): they are taken for what they were. A header that is no list
    of tags names no version of anything.
    """
    if if_match is None or if_match.strip() == "*":
        return ANY
    if not _LIST.fullmatch(if_match):
        return Expected(tags=frozenset())
    return Expected(tags=frozenset(_TAG.findall(if_match)))


def set_etag(response: Response, tag: str) -> None:
    """Name the version that is sent."""
    response.headers["ETag"] = f'"{tag}"'
