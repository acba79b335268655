"""Asks the service whatever its description allows, and much that it does not, and compares the answers with it."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.transport.serialization import Binary

from tests.api.support import fake_video
from tests.api.things import OTHER_THINGS, Things

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(COMMITTED.read_text())
N_EXAMPLES = int(os.environ.get("PLUMBLINE_FUZZ_EXAMPLES", "4"))
"""Random requests for each operation besides those at the borders of every value; `make fuzz` sends many."""
N_CHAINS = 3 * N_EXAMPLES
"""Chains of requests, in each of which an answer gives what the next request names."""
SEED = int(os.environ.get("PLUMBLINE_FUZZ_SEED", "20261124"))

HINTS = {
    "not_a_server_error": "A request must never end in a 5xx: refuse it with a DomainError where it is read.",
    "status_code_conformance": "Name the status in the route: responses=problems(...); see app/api/responses.py.",
    "content_type_conformance": "Name the media type in the route's responses, or send the one that stands there.",
    "response_schema_conformance": "The body differs from its schema: correct the schema in app/api/schemas, or the body.",
    "response_headers_conformance": "A header that the description promises is missing or of another form.",
    "negative_data_rejection": "Something outside the schema was taken: make the schema as strict as the text says, or"
    " as wide as the code is. Dates are app.api.schemas.base.CalendarDate and Instant.",
    "positive_data_acceptance": "Something within the schema was refused with a status other than 2xx, 404, 409, 410,"
    " 412, 422: say the limit in the schema (pattern, maxLength ...) or answer 422.",
    "ignored_auth": "The route answers without, or with wrong, credentials: Depends(Requires(...)).",
    "unsupported_method": "A method that is not described must be answered 405 with Allow.",
    "use_after_free": "What was deleted is still answered: it must be 404 from then on.",
    "ensure_resource_availability": "What was just made is not found under the id that its answer gave.",
}
REFUSALS_OF_VALUES = ("2xx", "3xx", "401", "403", "404", "409", "410", "412", "422", "429")
"""What a request within its schema may be answered: rules no schema can say (a cursor of another list, a name that is
taken, a tag that is no longer the present one, an upload that has ended) are refused with 409, 410, 412 or 422, and
never with anything else."""
REFUSALS_OF_FORMS = (
    "400",
    "401",
    "403",
    "404",
    "405",
    "406",
    "408",
    "409",
    "410",
    "412",
    "413",
    "415",
    "422",
    "429",
)
"""What a request outside its schema may be answered: whatever is looked at first may be the reason."""
ANY_REFUSAL = (*REFUSALS_OF_VALUES, *REFUSALS_OF_FORMS)
OF_THEIR_OWN: Mapping[str, dict[str, Any]] = {
    # RFC 6749 answers what it does not know with 400
    "issue_token": {"positive_data_acceptance": {"expected-statuses": list(ANY_REFUSAL)}},
    # tus reads its own headers, and answers 400 to what is no Base64
    "create_upload": {"positive_data_acceptance": {"expected-statuses": list(ANY_REFUSAL)}},
    "append_upload": {"positive_data_acceptance": {"expected-statuses": list(ANY_REFUSAL)}},
    # how large a video may be is a setting, which no schema can say
    "announce_capture": {"positive_data_acceptance": {"expected-statuses": [*REFUSALS_OF_VALUES, "413"]}},
    "announce_day_capture": {"positive_data_acceptance": {"expected-statuses": [*REFUSALS_OF_VALUES, "413"]}},
    # what was called off is told of as `removed` or `cancelled`, so that whoever waits for it hears it
    "get_export": {"use_after_free": {"enabled": False}},
    "get_capture": {"use_after_free": {"enabled": False}},
    # each person of a batch is refused for itself, within an answer of 200
    "upsert_athletes": {"negative_data_rejection": {"enabled": False}},
}
"""Operation id -> checks that are set differently there, with the reason."""
FILES = (fake_video(), b"name,born\nAda Example,2009-04-30\n", b"", b"\x00\xff not a file of any kind")

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
schemathesis.openapi.format("binary", st.sampled_from(FILES).map(Binary))


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the description."""

    method: str
    path: str
    operation_id: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


_OFF = {"enabled": False}
_CHAINS = {"max-steps": 20, "inference": {"algorithms": ["location-headers"]}}
"""The links of the description lead on; links inferred from names of fields lead into filters for the most part."""
_LAST = {"DELETE": 2, "GET": 0, "HEAD": 0, "OPTIONS": 0}


def operations() -> list[Operation]:
    """Return every operation, those that end something last."""
    found = [
        Operation(method=method.upper(), path=path, operation_id=described["operationId"])
        for path, methods in DOCUMENT["paths"].items()
        for method, described in methods.items()
    ]
    return sorted(found, key=lambda one: _LAST.get(one.method, 1))


@dataclass(slots=True, kw_only=True)
class Finding:
    """One way in which answers differ from the description."""

    check: str
    title: str
    message: str
    request: str
    n_times: int = 1

    def __str__(self) -> str:
        hint = HINTS.get(self.check, "")
        lines = (
            f"{self.title} ({self.check}, {self.n_times} times)",
            *self.message.splitlines(),
            hint,
            self.request,
        )
        return "\n    ".join(line for line in lines if line.strip())


@dataclass(slots=True, kw_only=True)
class Contract:
    """The description, ready to be held against one service by one asker."""

    address: str
    things: Things
    key: str | None
    borders: bool = True
    """Ask at the borders of every value, too."""
    n_cases: int = 0
    n_operations: int = 0
    _schemas: dict[str, Any] = field(default_factory=dict)

    def check(self, operation: Operation) -> list[Finding]:
        """Ask this operation everything there is to ask and return what differs."""
        chosen = self._described(operation).include(method=operation.method, path=operation.path)
        self.n_operations += 1
        return self._run(chosen)

    def follow(self) -> list[Finding]:
        """Ask in chains: make something, read, change and delete it, and read it again; return what differs."""
        settings = self._settings("")
        settings["phases"] = {"examples": _OFF, "coverage": _OFF, "fuzzing": _OFF, "stateful": _CHAINS}
        settings["generation"]["max-examples"] = N_CHAINS if self.borders else 2
        leaver = {f"{place}.athlete_id": _usually("leaver_id") for place in ("path", "body")}
        settings["dictionaries"] |= {"leaver_id": {"values": [self._value("leaver_id")]}}
        settings["operations"] = [
            {"include-operation-id": name, "checks": settings["checks"] | checks}
            for name, checks in OF_THEIR_OWN.items()
        ] + [
            {"include-operation-id": name, "parameters": settings["parameters"] | leaver}
            for name in ("erase_athlete", "merge_athletes")  # the others' athlete is to stay
        ]
        config = SchemathesisConfig.from_dict(settings)
        return self._run(schemathesis.openapi.from_dict(DOCUMENT, config=config))

    def _run(self, described: Any) -> list[Finding]:
        findings: dict[tuple[str, str], Finding] = {}
        for event in from_schema(described).execute():
            if isinstance(event, events.ScenarioFinished):
                self.n_cases += len(event.recorder.interactions)
                for finding in _findings(event.recorder):
                    known = findings.setdefault((finding.check, finding.title), finding)
                    known.n_times += known is not finding
            elif isinstance(event, events.NonFatalError | events.FatalError):
                error = event.value if isinstance(event, events.NonFatalError) else event.exception
                findings["error", repr(error)] = Finding(
                    check="error", title="The description cannot be used", message=str(error), request=""
                )
        return list(findings.values())

    def _described(self, operation: Operation) -> Any:
        """Return the description with the settings for this operation; most share one."""
        own = (
            operation.operation_id
            if operation.operation_id in OF_THEIR_OWN.keys() | OTHER_THINGS.keys()
            else ""
        )
        if own not in self._schemas:
            config = SchemathesisConfig.from_dict(self._settings(own))
            self._schemas[own] = schemathesis.openapi.from_dict(DOCUMENT, config=config)
        return self._schemas[own]

    def _settings(self, operation_id: str) -> dict[str, Any]:
        things = {name: name for name in _parameters()}
        things |= {f"path.{name}": other for name, other in OTHER_THINGS.get(operation_id, {}).items()}
        checks = {
            "positive_data_acceptance": {"expected-statuses": list(REFUSALS_OF_VALUES)},
            "negative_data_rejection": {"expected-statuses": list(REFUSALS_OF_FORMS)},
            "missing_required_header": {"expected-statuses": list(REFUSALS_OF_FORMS)},
        }
        return {
            "base-url": self.address,
            "headers": {} if self.key is None else {"Authorization": f"Bearer {self.key}"},
            "seed": SEED,
            "dictionaries": {name: {"values": [self._value(name)]} for name in set(things.values())},
            "parameters": {name: _usually(made) for name, made in things.items()},
            "generation": {
                "deterministic": True,
                "max-examples": N_EXAMPLES if self.borders else 2,
                "no-shrink": True,
            },
            "phases": {
                "stateful": _OFF,  # see follow()
                "coverage": {
                    "enabled": self.borders,
                    "unexpected-methods": ["PUT", "DELETE", "OPTIONS", "TRACE"],
                },
            },
            "checks": checks | OF_THEIR_OWN.get(operation_id, {}),
            "request-timeout": 20,
            "max-stream-events": 3,
        }

    def _value(self, name: str) -> str | int:
        made = self.things.id_of(name)
        return int(made) if made.isdecimal() else made


def _usually(made: str) -> dict[str, Any]:
    return {"dictionary": made, "probability": 0.75}


def _parameters() -> set[str]:
    """Return what paths name; the same names in queries and bodies mean the same things."""
    return {name for path in DOCUMENT["paths"] for name in re.findall(r"{(\w+)}", path)}


def _findings(recorder: ScenarioRecorder) -> Iterator[Finding]:
    for checks in recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                yield Finding(
                    check=check.name,
                    title=failure.title,
                    message=failure.message,
                    request=check.failure_info.code_sample[:1500],
                )
