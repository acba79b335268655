"""The push parser: any split of the body gives the same form, and damaged bodies are refused in plain words."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import DomainError, InvalidInputError
from app.http.uploads import (
    MAX_FIELD_BYTES,
    MAX_FIELDS,
    MalformedUploadError,
    UnsupportedBodyError,
    UploadForm,
    UploadStalledError,
    clean_filename,
    receive_upload,
)

TYPE = "multipart/form-data; boundary=edge"
CONTENT = b"\r\n--edg" + bytes(range(256)) * 20 + b"\r\n--edge-not-quite\r"


class Kept:
    def __init__(self) -> None:
        self.content = b""

    async def write(self, chunk: bytes) -> None:
        self.content += chunk


def part(name: str, value: bytes, *, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return f"--edge\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + value + b"\r\n"


END = b"--edge--\r\n"
GOOD = (
    part("movement", b"drop_vertical_jump")
    + part("file", CONTENT, filename="jump.mp4")
    + part("view", b"frontal")
    + END
)


async def chunks_of(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]
    yield b""


def receive(body: bytes, *, size: int = 65536, content_type: str | None = TYPE) -> tuple[UploadForm, bytes]:
    kept = Kept()
    form = asyncio.run(receive_upload(chunks_of(body, size), content_type=content_type, writer=kept))
    return form, kept.content


@settings(max_examples=30, deadline=None)
@given(size=st.integers(min_value=1, max_value=len(GOOD)))
def test_form_when_split_anywhere_then_same(size: int) -> None:
    form, content = receive(GOOD, size=size)
    assert content == CONTENT
    assert form.fields == {"movement": "drop_vertical_jump", "view": "frontal"}
    assert form.filename == "jump.mp4"


@pytest.mark.parametrize("name", ["Прыжок.mp4", "跳躍.mp4", "salto 🏀.mp4", "Sprung für Zoë.mp4"])
def test_form_when_the_file_is_named_in_any_script_then_kept(name: str) -> None:
    form, _ = receive(part("file", CONTENT, filename=name) + END)
    assert form.filename == name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        GOOD[: len(GOOD) // 2],
        GOOD[: -len(END)],
        b"--other\r\n" + GOOD,
        b"--edge\r\nContent-Type: video/mp4\r\n\r\nx\r\n" + END,
        part("view", b"\xff\xfe") + END,
    ],
    ids=["empty", "text", "cut in the file", "no end", "other boundary", "no disposition", "not utf-8"],
)
def test_form_when_damaged_then_malformed(body: bytes) -> None:
    with pytest.raises(MalformedUploadError):
        receive(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (part("view", b"frontal") + END, "file"),
        (part("file", b"x") + END, "file"),
        (part("video", b"x", filename="a.mp4") + END, "video"),
        (part("file", b"x", filename="a.mp4") + part("file", b"y", filename="b.mp4") + END, "file"),
        (part("view", b"a") + part("view", b"b") + END, "view"),
        (part("view", b"a" * (MAX_FIELD_BYTES + 1)) + END, "view"),
    ],
    ids=["no file", "file as text", "wrong field", "two files", "field twice", "field too long"],
)
def test_form_when_not_as_documented_then_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        receive(body)
    assert refusal.value.context["field"] == field
    assert refusal.value.how_to_fix


def test_form_when_it_has_many_fields_then_refused() -> None:
    with pytest.raises(InvalidInputError):
        receive(b"".join(part(f"f{number}", b"") for number in range(MAX_FIELDS + 1)) + END)


def test_form_when_the_client_falls_silent_then_given_up() -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield GOOD[:100]
        await asyncio.sleep(30)
        yield GOOD[100:]

    with pytest.raises(UploadStalledError):
        asyncio.run(receive_upload(silent(), content_type=TYPE, writer=Kept(), idle_timeout_s=0.05))


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "video/mp4", "multipart/mixed; boundary=edge"]
)
def test_body_when_of_another_type_then_unsupported(content_type: str | None) -> None:
    with pytest.raises(UnsupportedBodyError):
        receive(GOOD, content_type=content_type)


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 300]
)
def test_boundary_when_missing_or_too_long_then_malformed(content_type: str) -> None:
    with pytest.raises(MalformedUploadError):
        receive(GOOD, content_type=content_type)


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=400))
def test_form_when_noise_follows_the_boundary_then_a_plain_refusal(body: bytes) -> None:
    with pytest.raises(DomainError):
        receive(b"--edge\r\n" + body)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("jump.mp4", "jump.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\kim\\jump.mov", "jump.mov"),
        ("a\x00b\u202egpj.mp4", "abgpj.mp4"),
        ("", "video"),
        ("x" * 300 + ".mp4", "x" * 196 + ".mp4"),
    ],
)
def test_filename_when_shown_then_harmless(given_name: str, shown: str) -> None:
    assert clean_filename(given_name) == shown
