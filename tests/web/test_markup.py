"""Rules that hold on every page in every state: words, structure, and nothing inline or from elsewhere."""

import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from app.web.render import STATIC, render_html
from tests.web.preview import pages

NAMES = sorted(pages())

FORBIDDEN = re.compile(
    r"\b(safe(?!-area)|unsafe|cleared|diagnos\w*|injur\w+|risk\w*|prevent\w*|patient\w*|healthy|normal|abnormal|"
    r"dangerous|skip the training|no training needed)\b",
    re.IGNORECASE,
)
ALLOWED_SENTENCES = (
    "A movement screen, not a diagnosis.",
    "It cannot predict injury.",
    "This is a movement screen from one video, not a diagnosis, and it cannot predict injury.",
)


class _Reader(HTMLParser):
    """The parts of a page that the rules speak of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._skip = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._skip += tag in ("script", "style")
        for name, value in attrs:
            if name in ("alt", "title", "aria-label", "placeholder") and value:
                self.text.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._skip -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.text.append(data)

    def values(self, attribute: str, *tags: str) -> list[str]:
        return [
            value
            for tag, attrs in self.tags
            if (not tags or tag in tags) and (value := attrs.get(attribute)) is not None
        ]


@pytest.fixture(scope="module")
def read() -> dict[str, _Reader]:
    return {name: _Reader(render_html(page)) for name, page in pages().items()}


@pytest.mark.parametrize("name", NAMES)
def test_words_when_read_then_none_promises_or_diagnoses(name: str, read: dict[str, _Reader]) -> None:
    text = re.sub(r"\s+", " ", " ".join(read[name].text))
    for sentence in ALLOWED_SENTENCES:
        text = text.replace(sentence, "")
    assert FORBIDDEN.findall(text) == []


@pytest.mark.parametrize("name", NAMES)
def test_page_when_rendered_then_titled_and_structured(name: str, read: dict[str, _Reader]) -> None:
    page = read[name]
    tags = Counter(tag for tag, _ in page.tags)
    assert tags["title"] - sum("aria-labelledby" in attrs for tag, attrs in page.tags if tag == "svg") >= 1
    assert (tags["h1"], tags["main"], page.values("lang", "html")) == (1, 1, ["en"])
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", NAMES)
def test_page_when_rendered_then_nothing_inline_and_nothing_from_elsewhere(
    name: str, read: dict[str, _Reader]
) -> None:
    page = read[name]
    assert page.values("style") == []
    assert [attrs for _, attrs in page.tags if any(key.startswith(("on", "hx-on")) for key in attrs)] == []
    assert all("src" in attrs for tag, attrs in page.tags if tag == "script")
    assert "style" not in {tag for tag, _ in page.tags}
    addresses = page.values("href") + page.values("src") + page.values("action")
    # an otpauth address hands over to an app on this device and loads nothing
    assert [each for each in addresses if re.match(r"(?!otpauth:)(\w+:)?//|javascript:|data:", each)] == []


@pytest.mark.parametrize("name", NAMES)
def test_page_when_rendered_then_ids_are_unique_and_references_hold(
    name: str, read: dict[str, _Reader]
) -> None:
    page = read[name]
    ids = page.values("id")
    assert [item for item, count in Counter(ids).items() if count > 1] == []
    named = [
        reference
        for attribute in ("aria-labelledby", "aria-describedby", "for")
        for value in page.values(attribute)
        for reference in value.split()
    ]
    named += [value[1:] for value in page.values("href") + page.values("hx-target") if value.startswith("#")]
    assert set(named) <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_forms_when_rendered_then_posted_with_a_token_and_labelled(
    name: str, read: dict[str, _Reader]
) -> None:
    page = read[name]
    posts = [attrs for tag, attrs in page.tags if tag == "form" and attrs.get("method") == "post"]
    tokens = [
        attrs
        for tag, attrs in page.tags
        if tag == "input" and attrs.get("name") == "csrf_token" and attrs["value"]
    ]
    assert len(tokens) == len(posts)
    labelled = set(page.values("for", "label"))
    inputs = [
        attrs
        for tag, attrs in page.tags
        if tag in ("input", "select")
        and attrs.get("type") not in ("hidden", "radio")
        and attrs.get("id") != "speed"
    ]
    assert {attrs.get("id") for attrs in inputs} <= labelled


@pytest.mark.parametrize("name", NAMES)
def test_pictures_when_rendered_then_described_or_hidden(name: str, read: dict[str, _Reader]) -> None:
    for tag, attrs in read[name].tags:
        if tag == "img":
            assert "alt" in attrs
        if tag == "svg":
            assert attrs.get("aria-hidden") == "true" or (attrs.get("role") == "img" and _has_name(attrs))


def _has_name(attrs: dict[str, str | None]) -> bool:
    return bool(attrs.get("aria-label") or attrs.get("aria-labelledby"))


def test_waiting_pages_when_without_javascript_then_they_reload() -> None:
    assert '<noscript><meta http-equiv="refresh" content="4"></noscript>' in render_html(
        pages()["recording-processing"]
    )
    assert "http-equiv" not in render_html(pages()["recording"])


def test_name_when_it_holds_markup_then_escaped() -> None:
    page = pages()["recording"]
    html = render_html(replace(page, athlete_name="<script>alert(1)</script>"))  # type: ignore[arg-type]  # any page with a name will do
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_vendored_files_when_hashed_then_as_in_the_manifest() -> None:
    vendor = STATIC / "vendor"
    manifest = json.loads((vendor / "manifest.json").read_text())
    listed = {
        f"{package['folder']}/{name}": digest
        for package in manifest["packages"]
        for name, digest in package["files"].items()
    }
    found = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert found == listed
