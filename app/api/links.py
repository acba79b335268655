"""Where the answers of the description lead: what was just made, by its id, into every operation that takes it."""

import re
from collections.abc import Mapping
from typing import Any

MADE_BY: Mapping[str, str] = {
    "announce_capture": "capture_id",
    "announce_day_capture": "capture_id",
    "create_api_key": "api_key_id",
    "create_athlete": "athlete_id",
    "create_export": "export_id",
    "create_invitation": "invitation_id",
    "create_team": "team_id",
    "create_webhook": "webhook_id",
    "erase_athlete": "erasure_id",
    "merge_athletes": "change_id",
    "move_recording": "change_id",
    "move_screening": "change_id",
    "plan_screening_day": "day_id",
    "start_reanalysis": "reanalysis_id",
    "start_roster_import": "import_id",
    "upload_recording": "recording_id",
    "upsert_athlete_by_external_id": "athlete_id",
}
"""Operation -> the path parameter that means the `id` of its answer."""
OTHER_FIELDS: Mapping[str, Mapping[str, str]] = {
    "correct_analysis": {"analysis_id": "/analysis/id", "recording_id": "/recording_id"},
    "upload_recording": {"screening_id": "/screening_id", "trial_id": "/trial_id"},
}
"""Operation -> further path parameters, and where its answer gives them."""
_METHODS_WITH_ANSWERS = ("get", "head", "post", "put", "patch", "delete", "options")


def add_links(document: dict[str, Any]) -> None:
    """Put an OpenAPI link into each success of what makes something, for each operation that takes its id alone."""
    takers = _takers(document)
    for _, operation in _operations(document):
        name = operation["operationId"]
        fields = dict(OTHER_FIELDS.get(name, {}))
        if name in MADE_BY:
            fields[MADE_BY[name]] = "/id"
        links = {
            taker: {"operationId": taker, "parameters": {parameter: f"$response.body#{pointer}"}}
            for parameter, pointer in fields.items()
            for taker in takers[parameter]
        }
        for status, answer in operation["responses"].items():
            if links and status.startswith("2"):
                answer["links"] = links


def _takers(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return path parameter -> the operations that need it and no other."""
    found: dict[str, list[str]] = {}
    for path, operation in _operations(document):
        parameters = re.findall(r"{(\w+)}", path)
        if len(parameters) == 1:
            found.setdefault(parameters[0], []).append(operation["operationId"])
    return found


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, methods[method])
        for path, methods in document["paths"].items()
        for method in _METHODS_WITH_ANSWERS
        if method in methods
    ]
