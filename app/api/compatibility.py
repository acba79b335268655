"""What of a description breaks those who built on an older one: ``python -m app.api.compatibility OLD [NEW]``.

Version 1 only grows. Told apart is what is sent to us and what we send: a request that was taken must still be taken,
and what an answer held must still be there. New paths, new optional inputs, new fields and new values in answers, and
limits that got wider break nobody.
"""

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Node = Mapping[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_UPPER = ("maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties")
_LOWER = ("minLength", "minItems", "minimum", "exclusiveMinimum", "minProperties")


def breaking_changes(old: Node, new: Node) -> list[str]:
    """Return every change that breaks somebody, as a sentence that says where."""
    return list(dict.fromkeys(_Comparison(old, new).run()))


def read_description(path: Path) -> Node:
    """Return a description from a file, gzipped or not."""
    content = path.read_bytes()
    found: Node = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    return found


class _Comparison:
    def __init__(self, old: Node, new: Node) -> None:
        self._old, self._new = old, new
        self._under_way: set[tuple[str, str, bool]] = set()

    def run(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            now = self._new["paths"].get(path)
            if now is None:
                yield f"{path}: the path is gone"
                continue
            for method in _METHODS:
                if method in methods and method not in now:
                    yield f"{method.upper()} {path}: the method is gone"
                elif method in methods:
                    yield from self._operation(f"{method.upper()} {path}", methods[method], now[method])

    def _operation(self, at: str, old: Node, new: Node) -> Iterator[str]:
        if old.get("operationId") != new.get("operationId"):
            yield f"{at}: its operation id was {old.get('operationId')}: generated clients lose a function"
        yield from self._parameters(at, old, new)
        yield from self._body(at, old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            now = new["responses"].get(status)
            if now is None and status.startswith("2"):
                yield f"{at}: no longer answers {status}"
            elif now is not None and status.startswith("2"):
                yield from self._contents(f"{at} {status}", answer, now, sent=False)

    def _parameters(self, at: str, old: Node, new: Node) -> Iterator[str]:
        before = {(one["in"], one["name"].lower()): one for one in old.get("parameters", [])}
        now = {(one["in"], one["name"].lower()): one for one in new.get("parameters", [])}
        for (where, name), parameter in now.items():
            was = before.get((where, name))
            if parameter.get("required") and (was is None or not was.get("required")):
                yield f"{at}: {where} {name} is required now"
            if was is not None:
                yield from self._schema(
                    f"{at} {where} {name}", _not_null(was), _not_null(parameter), sent=True
                )
        for where, name in before.keys() - now.keys():
            yield f"{at}: {where} {name} is not taken any more"

    def _body(self, at: str, old: Node | None, new: Node | None) -> Iterator[str]:
        if new is not None and new.get("required") and not (old or {}).get("required"):
            yield f"{at}: a body is required now"
        if old is not None and new is None:
            yield f"{at}: no body is taken any more"
        if old is not None and new is not None:
            yield from self._contents(f"{at} body", old, new, sent=True)

    def _contents(self, at: str, old: Node, new: Node, *, sent: bool) -> Iterator[str]:
        for media_type, content in old.get("content", {}).items():
            now = new.get("content", {}).get(media_type)
            if now is None:
                yield f"{at}: {media_type} is gone"
            else:
                yield from self._schema(at, content.get("schema", {}), now.get("schema", {}), sent=sent)

    def _schema(self, at: str, old: Node, new: Node, *, sent: bool) -> Iterator[str]:
        pair = (str(old.get("$ref", id(old))), str(new.get("$ref", id(new))), sent)
        if pair in self._under_way:  # a schema that holds itself
            return
        self._under_way.add(pair)
        before, now = list(_variants(old, self._old)), list(_variants(new, self._new))
        yield from _types(at, before, now, sent=sent)
        for kind, one in before:
            twins = [other for other_kind, other in now if other_kind == kind]
            if len(twins) > 1:
                twins = [other for other in twins if other.get("title") == one.get("title")]
            if twins:
                yield from self._same_kind(at, one, twins[0], sent=sent)
        self._under_way.discard(pair)

    def _same_kind(self, at: str, old: Node, new: Node, *, sent: bool) -> Iterator[str]:
        if sent:
            yield from _narrower(at, old, new)
        if "items" in old:
            yield from self._schema(f"{at}[]", old["items"], new.get("items", {}), sent=sent)
        before, now = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in now:
                yield from self._schema(f"{at} .{name}", schema, now[name], sent=sent)
            elif not sent or new.get("additionalProperties") is False:
                yield f"{at}: the field {name} is gone"
        required, requires = set(old.get("required", ())), set(new.get("required", ()))
        if sent:
            yield from (f"{at}: the field {name} is required now" for name in sorted(requires - required))
        else:
            left_out = sorted((required - requires) & now.keys())
            yield from (f"{at}: the field {name} may be missing now" for name in left_out)


def _not_null(parameter: Node) -> Node:
    """Return what a parameter takes: null in it only means that it may be left out."""
    schema: Node = parameter.get("schema", {})
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return choices[0] if len(choices) == 1 else schema


def _variants(schema: Node, document: Node) -> Iterator[tuple[str, Node]]:
    """Yield what a schema allows, one kind of value at a time, references followed."""
    if "$ref" in schema:
        yield from _variants(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
        return
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        for choice in choices:
            yield from _variants(choice, document)
        return
    kinds = schema.get("type", "any")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        yield kind, schema


def _types(at: str, old: list[tuple[str, Node]], new: list[tuple[str, Node]], *, sent: bool) -> Iterator[str]:
    before, now = {kind for kind, _ in old}, {kind for kind, _ in new}
    if "any" in (now if sent else before):
        return
    lost = before - now if sent else now - before
    if "number" in (now if sent else before):
        lost -= {"integer"}  # every integer is a number
    for kind in sorted(lost):
        yield f"{at}: {kind} is {'not taken any more' if sent else 'sent, which it was not'}"


def _narrower(at: str, old: Node, new: Node) -> Iterator[str]:
    """Yield the limits of an input that leave less room than they did."""
    known, allowed = _values(old), _values(new)
    if allowed and not known:
        yield f"{at}: only certain values are taken now"
    elif allowed:
        yield from (f"{at}: the value {value} is not taken any more" for value in sorted(known - allowed))
    for limit, value in new.items():
        before = old.get(limit)
        if (
            (limit in _UPPER and (before is None or value < before))
            or (limit in _LOWER and value > (before if before is not None else 0))
            or (limit in ("pattern", "format") and value != before)
        ):
            yield f"{at}: {limit} is {value} now"


def _values(schema: Node) -> set[str]:
    return {
        str(value) for value in (*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ()))
    }


def main() -> int:
    """Compare two files, or a file with the present description; say what breaks."""
    old = read_description(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        new = read_description(Path(sys.argv[2]))
    else:
        from app.api.openapi import build_document

        new = build_document()
    found = breaking_changes(old, new)
    for change in found:
        sys.stdout.write(f"{change}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
