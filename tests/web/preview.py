"""Every page in every state with sample content: rendered by the tests, and served to be looked at.

``python -m tests.web.preview FOLDER`` saves a screenshot of each page as a phone and a desktop show it.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from playwright.sync_api import Browser, sync_playwright

from app.domain.lifecycle import PicturesState
from app.http.middleware import RequestContextMiddleware
from app.services.read_models import TeamSummary
from app.services.screening_models import ScreeningChange
from app.web.contexts.parts import Choice, Link, Page, Problem
from app.web.contexts.rosters import (
    ConsentPage,
    ImportColumnField,
    ImportQuestion,
    ImportReviewPage,
    ImportRow,
    ImportStartPage,
)
from app.web.contexts.sign_in import SignInPage
from app.web.contexts.teams import NoTeamsPage
from app.web.present_athlete import AthleteRequest, present_athlete
from app.web.present_dashboard import DashboardRequest, present_dashboard
from app.web.present_forms import UploadEntries, UploadRequest, present_error, present_upload
from app.web.present_recording import RecordingRequest, present_recording
from app.web.render import STATIC, STATIC_URL, page_response
from tests.chromium import find_chromium
from tests.web import less_samples, samples
from tests.web.preview_days import day_pages
from tests.web.preview_settings import TOKEN, VIEWER, export_pages, settings_pages, webhook_pages

CLIP = Path(__file__).parents[2] / "samples" / "dvj_f_valgus20_60.mp4"
CHROMIUM_ARGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE, DESKTOP = 390, 1280
NAMED = samples.athlete(12, "Maximiliana-Theodora Wolfeschlegelsteinhausenbergerdorff y Fernández de la Vega")
"""Names are as long as they are."""

NO_STORE = {"Cache-Control": "no-store"}


def _board(rows: Any = None) -> Page:
    teams = (
        Link(label="U17 girls", href="/teams/1", current=True),
        Link(label="U19 girls", href="/teams/2"),
        Link(label="First team", href="/teams/3"),
    )
    asked = DashboardRequest(
        viewer=VIEWER, csrf_token=TOKEN, teams=teams, may_upload=True, may_keep_roster=True, cursor=None
    )
    return present_dashboard(samples.dashboard(rows=rows), asked=asked)


def _recording(
    view: Any, *, change: ScreeningChange | None = None, trial: Any = None, less: Any = None
) -> Page:
    asked = RecordingRequest(
        viewer=VIEWER,
        csrf_token=TOKEN,
        team=Link(label="U17 girls", href="/teams/1"),
        may_upload=True,
        may_watch=True,
        trial=trial,
        less=less,
    )
    curves = samples.kinematics() if view.analysis and view.analysis.has_kinematics else None
    return present_recording(view, kinematics=curves, asked=asked, change=change)


def _athlete(history: Any) -> Page:
    nothing = ScreeningChange(athlete_id=UUID(int=104), before=None, after=None, movements=())
    return present_athlete(
        samples.athlete_detail(),
        history,
        change=samples.change() if history else nothing,
        asked=AthleteRequest(viewer=VIEWER, csrf_token=TOKEN, may_upload=True),
    )


def _upload(**changes: Any) -> Page:
    asked = UploadRequest(
        viewer=VIEWER,
        csrf_token=TOKEN,
        max_upload_bytes=500 * 1024 * 1024,
        max_duration_s=60,
        cancel=Link(label="U17 girls", href="/teams/1"),
        teams=(TeamSummary(id=UUID(int=1), name="U17 girls", n_athletes=25),),
        is_cut=True,
        **changes,
    )
    entries = UploadEntries(
        athlete_id=str(samples.ROWS[0].athlete.id), box_height_cm="thirty" if changes else ""
    )
    return present_upload(tuple(row.athlete for row in samples.ROWS), entries=entries, asked=asked)


def _sign_in(problem: Problem | None = None) -> Page:
    return SignInPage(
        title="Sign in",
        viewer=None,
        csrf_token=TOKEN,
        email="ines@example.org" if problem else "",
        next_path="/",
        problem=problem,
    )


def _rosters_and_consent() -> dict[str, Page]:
    """Return the pages of a roster file and of a guardian's decision."""
    frame: dict[str, Any] = {"viewer": VIEWER, "csrf_token": TOKEN}
    visitor: dict[str, Any] = {"title": "Your decision", "viewer": None, "csrf_token": TOKEN}
    yes = Choice(value="yes", label="The day", chosen=False, hint="")
    review: dict[str, Any] = {
        "title": "Import roster.csv", **frame, "filename": "roster.csv", "problem": None, "caption": "2 rows",
        "rows": (
            ImportRow(number=2, outcome="created", who="Ada Berg", why=""),
            ImportRow(number=3, outcome="failed", who="", why="There is no such date."),
        ),
    }  # fmt: skip
    return {
        "import-start": ImportStartPage(title="Import a roster", **frame, problem=None),
        "import-refused": ImportStartPage(
            title="Import a roster", **frame, problem=Problem(message="The file is damaged.", how_to_fix="Save it again.")
        ),
        "import-review": ImportReviewPage(
            **review, summary="Nothing is changed yet. It would be: 1 created, 1 failed.", finished=False, action="/x",
            columns=(ImportColumnField(header="Born", samples="03/04/2009", choices=(yes,)),),
            questions=(ImportQuestion(name="day_first", legend="What comes first?", hint="2 dates", choices=(yes,)),),
            confirm_action="/x/confirm", undo_action=None,
        ),
        "import-report": ImportReviewPage(
            **review, summary="Imported: 1 created, 1 failed.", finished=True, action="", columns=(), questions=(),
            confirm_action=None, undo_action="/y/undo",
        ),
        "consent-open": ConsentPage(**visitor, step="open"),
        "consent-decide": ConsentPage(
            **visitor, step="decide", token="x", organisation_name="Harbour Physio", athlete_name="Ada Berg",
            paragraphs=("We film a landing.",), waiting_note="The time named above is 30 days.",
            purposes=(Choice(value="screening", label="Analyse the videos", chosen=True, hint="Without this nothing."),),
            relations=(Choice(value="parent", label="mother or father", chosen=True),),
        ),
        "consent-done": ConsentPage(**visitor, step="done", later_url="https://screen.example.org/consent#secret"),
    }  # fmt: skip


def pages() -> dict[str, Page]:
    """Return every page in every state."""
    wrong = Problem(
        message="The e-mail address and the password do not match.",
        how_to_fix="Check both. Capital letters count in the password.",
    )
    unreadable = Problem(
        message="The file is not a video we can recognise.",
        how_to_fix="Choose the video itself (.mp4 or .mov), as the phone saved it.",
    )
    return {
        "sign-in": _sign_in(),
        "sign-in-wrong": _sign_in(wrong),
        "dashboard": _board(),
        "dashboard-nothing-filmed": _board(samples.NEVER_FILMED),
        "dashboard-empty": _board(()),
        "dashboard-long-names": _board(tuple(replace(row, athlete=NAMED) for row in samples.ROWS)),
        "athlete": _athlete(samples.history()),
        "athlete-once": _athlete(samples.history()[-1:]),
        "athlete-not-screened": _athlete(()),
        "no-teams": NoTeamsPage(title="No team yet", viewer=VIEWER, csrf_token=TOKEN, may_keep_roster=True),
        "no-teams-for-me": NoTeamsPage(
            title="No team yet", viewer=VIEWER, csrf_token=TOKEN, may_keep_roster=False
        ),
        "upload": _upload(),
        "upload-refused": _upload(
            problem=unreadable,
            field_errors={
                "box_height_cm": "Enter the height as a number, for example 31.",
                "file": "Choose the video again.",
            },
        ),
        "recording": _recording(
            samples.analysed(), change=samples.change(), trial=less_samples.trial(both=False)
        ),
        "recording-good": _recording(
            samples.good(),
            change=samples.change(version="0.9.0"),
            trial=less_samples.trial(),
            less=less_samples.screening_less(),
        ),
        "recording-long-name": _recording(replace(samples.analysed(), athlete=NAMED)),
        "recording-marked": _recording(samples.analysed(scope="full", band=samples.MARKED)),
        "recording-drawing": _recording(samples.drawing()),
        "recording-undrawn": _recording(samples.drawing(PicturesState.FAILED)),
        "recording-rejected": _recording(samples.rejected()),
        "recording-refused": _recording(samples.refused()),
        "recording-failed": _recording(samples.failed()),
        "recording-processing": _recording(samples.processing(attempt=2)),
        "recording-queued": _recording(samples.queued()),
        **day_pages(viewer=VIEWER, token=TOKEN),
        **_rosters_and_consent(),
        **settings_pages(),
        **webhook_pages(),
        **export_pages(),
        "error-403": present_error(status=403, viewer=VIEWER, csrf_token=TOKEN),
        "error-404": present_error(status=404, viewer=VIEWER, csrf_token=TOKEN, request_id="0193f0c2a1"),
        "error-429": present_error(status=429),
        "error-500": present_error(status=500, request_id="0193f0c2a1"),
    }


def preview_app() -> FastAPI:
    """Serve the sample pages with the real templates, styles and scripts."""
    app = FastAPI(openapi_url=None)
    app.state.route_patterns = {}
    app.add_middleware(RequestContextMiddleware, render_error=_crash, https=False)
    app.mount(STATIC_URL, StaticFiles(directory=STATIC))

    @app.get("/page/{name}", response_class=HTMLResponse)
    def show(name: str) -> HTMLResponse:
        return page_response(pages()[name])

    @app.get("/recordings/{recording_id}/{kind}")
    def video(recording_id: str, kind: str) -> Response:
        if kind == "progress":
            return page_response(pages()["recording-processing"], template="_progress.html")
        if kind == "pictures":
            return page_response(pages()["recording-good"], template="_stills.html")
        return FileResponse(CLIP, media_type="video/mp4", headers=NO_STORE)

    @app.get("/recordings/{recording_id}/stills/{frame}")
    def still(recording_id: str, frame: int) -> Response:
        return Response(_frame_jpeg(frame), media_type="image/jpeg", headers=NO_STORE)

    @app.get("/teams/{team_id}/roster")
    def roster(team_id: str) -> Response:
        return page_response(pages()["dashboard"], template="_roster.html")

    _add_station(app)
    return app


def _add_station(app: FastAPI) -> None:
    """Serve what the page of a station asks for so that it opens offline."""

    @app.get("/station")
    def station() -> Response:
        return page_response(pages()["station"])

    @app.get("/station/worker.js")
    def worker() -> Response:
        headers = {**NO_STORE, "Service-Worker-Allowed": "/station"}
        return FileResponse(
            STATIC / "js" / "station-worker.js", media_type="text/javascript", headers=headers
        )


async def _crash(request: Request, error: Exception) -> Response:
    raise error


@cache
def _frame_jpeg(frame: int) -> bytes:
    with av.open(str(CLIP)) as container:
        for number, picture in enumerate(container.decode(video=0)):
            if number == frame:
                encoder = av.CodecContext.create("mjpeg", "w")
                encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
                encoder.time_base = picture.time_base
                picture.pts = 0
                jpeg = picture.reformat(format="yuvj420p")
                return b"".join(bytes(packet) for packet in [*encoder.encode(jpeg), *encoder.encode(None)])
    raise KeyError(frame)


@contextmanager
def serve(app: FastAPI, *, port: int = 0) -> Iterator[str]:
    """Run an app in a thread on a free port; yield its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def chromium(path: str, *flags: str) -> Iterator[Browser]:
    """Start Chromium with an empty profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_ARGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


def save_screenshots(folder: Path, *, names: tuple[str, ...], dark: bool = False) -> None:
    """Save each page as a phone and as a desktop show it."""
    folder.mkdir(parents=True, exist_ok=True)
    with serve(preview_app()) as address, chromium(find_chromium() or "chromium") as browser:
        for width, height in ((PHONE, 844), (DESKTOP, 900)):
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
            )
            tab = context.new_page()
            tab.on("console", lambda message: print(message.type, message.text, file=sys.stderr))  # noqa: T201  # a tool for looking, it prints
            tab.on("pageerror", lambda error: print(error, file=sys.stderr))  # noqa: T201  # a tool for looking, it prints
            for name in names or tuple(pages()):
                tab.goto(f"{address}/page/{name}", wait_until="load")
                for image in tab.locator("img[loading=lazy]").all():
                    image.scroll_into_view_if_needed()
                while not tab.evaluate("[...document.images].every(image => image.complete)"):
                    tab.wait_for_timeout(50)
                tab.evaluate("scrollTo(0, 0)")
                tab.wait_for_timeout(300)
                tab.screenshot(path=folder / f"{name}-{width}{'-dark' if dark else ''}.png", full_page=True)
            context.close()


if __name__ == "__main__":
    save_screenshots(
        Path(sys.argv[1]),
        names=tuple(name for name in sys.argv[2:] if name != "--dark"),
        dark="--dark" in sys.argv,
    )
