"""The committed description is the one the code gives, complete and with stable names."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.links import MADE_BY, OTHER_FIELDS
from app.api.openapi import build_document
from tests.api.test_routes import PUBLIC

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture
def document() -> dict[str, Any]:
    return build_document()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_description_when_committed_then_as_the_code_has_it(document: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text()) == json.loads(json.dumps(document)), (
        "run: python -m app.api.openapi docs/openapi.json"
    )


def test_description_when_served_then_the_same(anonymous: httpx.Client, document: dict[str, Any]) -> None:
    served = anonymous.get("/api/v1/openapi.json").json()
    assert served == json.loads(json.dumps(document))
    assert served["openapi"].startswith("3.1")


def test_operations_when_described_then_have_names_and_errors(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names)) >= 17
    for path, method, operation in operations(document):
        assert operation["summary"], path
        if path in PUBLIC:
            continue
        assert {"401", "403", "429", "500"} <= set(operation["responses"]), (method, path)
        assert operation["security"], path
        if "{" in path:
            assert "404" in operation["responses"], path


def test_errors_when_described_then_all_in_one_shape(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if method == "head":
                assert "content" not in response, (path, status)
            elif int(status) >= 400 and path not in PUBLIC:
                assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_references_when_followed_then_lead_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def follow(node: object) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].rpartition("/")[2] in schemas, node
            for below in node.values():
                follow(below)
        elif isinstance(node, list):
            for below in node:
                follow(below)

    follow(document)


def test_pages_when_there_are_any_then_not_described(document: dict[str, Any]) -> None:
    assert all(path.startswith("/api/v1/") or path in PUBLIC for path in document["paths"])


def test_links_when_followed_then_lead_to_operations_that_take_the_id(document: dict[str, Any]) -> None:
    described = {operation["operationId"]: (path, operation) for path, _, operation in operations(document)}
    n_links = 0
    for _, operation in described.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                (parameter,) = link["parameters"]
                assert f"{{{parameter}}}" in described[link["operationId"]][0]
                n_links += 1
    assert n_links > 60
    assert set(MADE_BY) | set(OTHER_FIELDS) <= set(described)
