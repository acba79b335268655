"""Whoever built on the released description can go on: nothing was taken away, and nothing more is demanded."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.api.compatibility import breaking_changes, read_description
from app.api.openapi import build_document

RELEASED = max((Path(__file__).parents[2] / "docs" / "released").glob("openapi-*.json.gz"))
ACCEPTED: Mapping[str, str] = {
    "GET /api/v1/recordings/{recording_id}/events 200: object is sent, which it was not": (
        "what is sent is the same: an event is described now, where the description said text"
    ),
    "POST /api/v1/invitations 201 .link: null is sent, which it was not": "where mail is set up, the link is mailed instead",
    "POST /api/v1/members/{user_id}/password-reset 201 .link: null is sent, which it was not": (
        "where mail is set up, the link is mailed instead"
    ),
}
"""Changes that break somebody, and why they were made all the same."""


def test_description_when_compared_with_the_released_one_then_breaks_nobody() -> None:
    found = breaking_changes(read_description(RELEASED), build_document())
    unexpected = [change for change in found if change not in ACCEPTED]
    assert not unexpected, (
        f"These break who built on {RELEASED.name}. Add instead of changing; what must change belongs in version 2:\n"
        + "\n".join(unexpected)
    )
    assert set(ACCEPTED) <= set(found), "accepted changes that are no longer there"


TEAM: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 200},
        "kind": {"enum": ["club", "school"], "type": "string"},
        "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
}
DOCUMENT: dict[str, Any] = {
    "components": {"schemas": {"In": TEAM, "Out": TEAM}},
    "paths": {
        "/teams": {
            "post": {
                "operationId": "make",
                "parameters": [{"in": "query", "name": "dry", "schema": {"type": "boolean"}}],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/In"}}}
                },
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Out"}}}}
                },
            }
        }
    },
}


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    new = copy.deepcopy(DOCUMENT)
    new["components"]["schemas"] = {name: copy.deepcopy(TEAM) for name in ("In", "Out")}
    change(new)
    return breaking_changes(DOCUMENT, new)


def post(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/teams"]["post"]
    return found


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda new: new["paths"].clear(), "the path is gone"),
        (lambda new: new["paths"]["/teams"].pop("post"), "the method is gone"),
        (lambda new: post(new).update(operationId="create"), "operation id"),
        (lambda new: post(new)["parameters"].clear(), "query dry is not taken any more"),
        (lambda new: post(new)["parameters"][0].update(required=True), "query dry is required now"),
        (lambda new: post(new)["requestBody"].update(required=True), "a body is required now"),
        (lambda new: post(new)["requestBody"]["content"].clear(), "application/json is gone"),
        (lambda new: post(new)["responses"].clear(), "no longer answers 201"),
        (lambda new: schema(new, "In")["properties"].pop("kind"), "body: the field kind is gone"),
        (lambda new: schema(new, "In")["required"].append("kind"), "the field kind is required now"),
        (lambda new: schema(new, "In")["properties"]["kind"]["enum"].remove("school"), "the value school"),
        (lambda new: schema(new, "In")["properties"]["name"].update(maxLength=10), "maxLength is 10 now"),
        (lambda new: schema(new, "In")["properties"]["name"].update(pattern="^x"), "pattern is ^x now"),
        (lambda new: schema(new, "In")["properties"]["size"]["anyOf"].pop(), "null is not taken any more"),
        (lambda new: schema(new, "Out")["properties"].pop("size"), "201: the field size is gone"),
        (lambda new: schema(new, "Out")["required"].clear(), "the field name may be missing now"),
        (lambda new: schema(new, "Out")["properties"]["name"].update(type="integer"), "integer is sent"),
    ],
)
def test_change_when_it_breaks_somebody_then_told_where(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    assert any(words in told for told in changed(change)), changed(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda new: None,
        lambda new: new["paths"].update({"/athletes": {}}),
        lambda new: post(new)["parameters"].append(
            {"in": "query", "name": "x", "schema": {"type": "string"}}
        ),
        lambda new: schema(new, "In")["properties"].update(note={"type": "string"}),
        lambda new: schema(new, "In")["properties"]["name"].update(maxLength=300),
        lambda new: schema(new, "In")["properties"]["kind"]["enum"].append("clinic"),
        lambda new: schema(new, "Out")["properties"].update(note={"type": "string"}),
        lambda new: schema(new, "Out")["properties"]["kind"]["enum"].append("clinic"),
        lambda new: schema(new, "Out")["properties"]["size"]["anyOf"].pop(),
    ],
)
def test_change_when_it_only_adds_then_nothing_to_tell(change: Callable[[dict[str, Any]], object]) -> None:
    assert changed(change) == []
