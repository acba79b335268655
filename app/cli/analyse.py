"""`plumbline analyse`: what the worker does with a recording, done with one file and no server."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.biomech.types import Movement, Sex, TrialContext, Verdict, View
from app.cli.report import print_report
from app.cli.terminal import note, say
from app.domain.lifecycle import Stage
from app.services.analyse_video import AnalysedVideo, analyse_video, picture_order
from app.services.analysis_record import analysis_document
from app.services.video_reader import Pictures, VideoReaderDiedError
from app.settings import load_settings
from app.web.words import STAGE_LABELS

ANALYSED, NO_READER, UNUSABLE_ARGUMENTS, REJECTED = 0, 1, 2, 3
"""Exit codes."""
_RANGES_CM = {"box height": (5.0, 120.0), "stature": (80.0, 250.0)}
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyseOrder:
    """The command's arguments as they were typed."""

    clip: Path
    movement: str
    view: str
    box_height_cm: float | None
    stature_cm: float | None
    sex: str
    as_json: bool
    series: bool
    overlay: Path | None
    stills: Path | None


class UnusableArgumentError(Exception):
    """An argument makes no sense; the message says which and what would."""


def run_analyse(order: AnalyseOrder) -> int:
    """Analyse the clip, print the result, and return the exit code."""
    try:
        context = _context(order)
        _check_files(order)
    except UnusableArgumentError as error:
        note(str(error))
        return UNUSABLE_ARGUMENTS
    try:
        analysed = _analyse(order, context)
    except VideoReaderDiedError as error:
        note(f"The video could not be read: {error}.\n{_what_to_do(error)}")
        return NO_READER
    record = analysed.record
    if order.as_json:
        document = analysis_document(record, kinematics=analysed.kinematics if order.series else None)
        say(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print_report(record, clip=order.clip.name)
    return REJECTED if record.verdict is Verdict.INVALID else ANALYSED


def _analyse(order: AnalyseOrder, context: TrialContext) -> AnalysedVideo:
    from app.container import method_stamp
    from workers.sandbox import SandboxPool, SandboxSettings

    settings = load_settings()
    sandbox = SandboxSettings(
        engine=settings.pose_engine, model=settings.pose_model, n_threads=os.cpu_count() or 1
    )
    wants_pictures = order.overlay is not None or order.stills is not None
    with (
        tempfile.TemporaryDirectory(prefix="plumbline-") as folder,
        SandboxPool(sandbox) as pool,
        pool.reader() as reader,
        _progress() as on_progress,
    ):
        analysed = analyse_video(
            path=order.clip,
            context=context,
            reader=reader,
            method=method_stamp(settings.pose_model),
            on_progress=on_progress,
        )
        if wants_pictures and analysed.track is not None:
            pictures = reader.draw(
                picture_order(analysed.record, track=analysed.track, kinematics=analysed.kinematics),
                directory=Path(folder),
                overlay=order.overlay is not None,
                on_progress=on_progress,
            )
            _keep_pictures(order, pictures)
    return analysed


def _keep_pictures(order: AnalyseOrder, pictures: Pictures) -> None:
    if order.overlay is not None and pictures.overlay is not None:
        shutil.move(pictures.overlay, order.overlay)
    if order.stills is not None:
        for frame, still in pictures.stills.items():
            shutil.move(still, order.stills / f"frame-{frame:05d}.jpg")


@contextmanager
def _progress() -> Iterator["_Bar"]:
    """Show a bar while the work lasts, when somebody looks."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Bar(progress)


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("Starting", total=1.0)

    def __call__(self, stage: Stage, share: float) -> None:
        self._progress.update(self._task, completed=share, description=STAGE_LABELS[stage.value])


def _context(order: AnalyseOrder) -> TrialContext:
    return TrialContext(
        movement=_choice(Movement, order.movement, what="movement"),
        view=_choice(View, order.view, what="view"),
        box_height_cm=_length_cm(order.box_height_cm, what="box height"),
        stature_cm=_length_cm(order.stature_cm, what="stature"),
        sex=_choice(Sex, order.sex, what="sex"),
    )


def _choice(kind: type[Choice], text: str, *, what: str) -> Choice:
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(member.value for member in kind)
        msg = f"There is no {what} {text!r}. Known: {known}."
        raise UnusableArgumentError(msg) from None


def _length_cm(value: float | None, *, what: str) -> float | None:
    low, high = _RANGES_CM[what]
    if value is not None and not low <= value <= high:
        msg = f"A {what} of {value:g} cm cannot be; give it in cm, between {low:g} and {high:g}."
        raise UnusableArgumentError(msg)
    return value


def _check_files(order: AnalyseOrder) -> None:
    """Find out before the work, not after it, whether files can be read and written."""
    if order.series and not order.as_json:
        msg = "--series adds the curves to the JSON; use it together with --json."
        raise UnusableArgumentError(msg)
    try:
        with order.clip.open("rb"):
            pass
        if order.stills is not None:
            order.stills.mkdir(parents=True, exist_ok=True)
        if order.overlay is not None and not order.overlay.resolve().parent.is_dir():
            msg = f"The folder for {order.overlay} does not exist. Make it first, or choose another."
            raise UnusableArgumentError(msg)
    except FileNotFoundError:
        msg = f"There is no file {order.clip}. Check the path."
        raise UnusableArgumentError(msg) from None
    except OSError as error:
        msg = f"{error.filename}: {(error.strerror or str(error)).lower()}."
        raise UnusableArgumentError(msg) from None


def _what_to_do(error: VideoReaderDiedError) -> str:
    if missing := _missing_libraries():
        return missing
    if "cannot be loaded" in str(error):
        return "Set up with its pose parts: make setup in a checkout, or pip install 'plumbline[pose]'."
    return "Try again; if it stays so, try another file."


def _missing_libraries() -> str:
    """Name the system libraries the pose engine needs and this machine lacks."""
    import ctypes

    missing = []
    for library, package in (("libEGL.so.1", "libegl1"), ("libGLESv2.so.2", "libgles2")):
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return f"System libraries are missing: apt-get install {' '.join(missing)}" if missing else ""
