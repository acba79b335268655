"""The `plumbline` command. Each command imports what it needs when it runs, so that `--help` is instant."""

import sys
from pathlib import Path
from typing import Annotated

import typer

EXIT_PROBLEM = 1
app = typer.Typer(
    name="plumbline",
    help="Movement screen for dynamic knee valgus: a drop-jump video in, an honest measurement out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def up() -> None:
    """Run everything on this machine: database, queue, api and worker, until Ctrl-C."""
    from app.cli.stack import run_up

    run_up()


@app.command()
def demo(
    samples: Annotated[
        Path | None, typer.Option(help="Folder with clips to upload instead of the bundled ones.")
    ] = None,
    exit_when_done: Annotated[
        bool, typer.Option("--exit-when-done", help="Stop when the results are shown instead of serving on.")
    ] = False,
) -> None:
    """Run everything, upload the sample clips for a made-up club, show the results, and keep serving."""
    from app.cli.stack import run_demo

    raise typer.Exit(run_demo(samples=samples, exit_when_done=exit_when_done))


@app.command()
def api() -> None:
    """Run one api process: REST, pages and uploads."""
    from app.cli.processes import serve_api

    serve_api()


@app.command()
def worker(
    beat: Annotated[
        bool, typer.Option("--beat", help="Run the clock, too. One worker of all is enough.")
    ] = False,
    ready_file: Annotated[Path | None, typer.Option(help="Make this file when ready for work.")] = None,
) -> None:
    """Run one worker process, which analyses recordings."""
    from app.cli.processes import work

    work(with_clock=beat, ready_file=ready_file)


@app.command()
def beat() -> None:
    """Run the clock alone, which has lost recordings looked for; workers run without it then."""
    from app.cli.processes import run_clock

    run_clock()


@app.command()
def migrate() -> None:
    """Bring the database's tables up to date, as their owner."""
    from app.cli.admin import migrate as run

    run()


@app.command()
def sweep() -> None:
    """Look once for recordings that were lost or never sent, and queue them."""
    from app.cli.admin import sweep as run

    run()


@app.command()
def retain() -> None:
    """Remove once what the organisations do not want to keep any longer, and finish erasures that were left."""
    from app.cli.admin import retain as run

    run()


@app.command()
def create_user(
    email: Annotated[str, typer.Argument(help="What the user signs in with.")],
    name: Annotated[str, typer.Option(help="The user's name as others see it.")] = "",
    organisation: Annotated[
        str, typer.Option(help="Make a new organisation of this name for the user.")
    ] = "",
    organisation_id: Annotated[str, typer.Option(help="Put the user into this organisation.")] = "",
    role: Annotated[str, typer.Option(help="owner, clinician, trainer or viewer.")] = "owner",
) -> None:
    """Make a user; the password is asked for, or read from a pipe."""
    from app.cli.admin import create_user as run

    run(email=email, name=name, organisation=organisation, organisation_id=organisation_id, role=role)


@app.command()
def set_quotas(
    organisation_id: Annotated[str, typer.Argument(help="Whose quotas; `create-user` printed it.")],
    stored_gb: Annotated[float | None, typer.Option(min=0, help="Gigabytes of original videos kept.")] = None,
    recordings_a_month: Annotated[int | None, typer.Option(min=0, help="Videos sent in a month.")] = None,
    open_uploads: Annotated[
        int | None, typer.Option(min=0, help="Videos announced and not sent yet.")
    ] = None,
) -> None:
    """Set what one organisation may have, in place of the settings; what is left out has no limit."""
    from app.cli.admin import set_quotas as run

    run(
        organisation_id=organisation_id,
        stored_gb=stored_gb,
        recordings_a_month=recordings_a_month,
        open_uploads=open_uploads,
    )


@app.command()
def reset_password(email: Annotated[str, typer.Argument(help="The user's address.")]) -> None:
    """Print a link by which a user sets a new password, once and within the hour."""
    from app.cli.admin import reset_password as run

    run(email=email)


@app.command()
def create_api_key(
    organisation_id: Annotated[str, typer.Argument(help="Whose key it is; `create-user` printed it.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
) -> None:
    """Make an API key with all rights of its organisation and print it, once."""
    from app.cli.admin import create_api_key as run

    run(organisation_id=organisation_id, name=name)


@app.command()
def sandbox(
    reset: Annotated[
        bool, typer.Option("--reset", help="Begin again: remove the sandbox and make it anew.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="With --reset: also what was uploaded to it since.")
    ] = False,
    new_key: Annotated[bool, typer.Option("--new-key", help="Make another API key and print it.")] = False,
) -> None:
    """Make an organisation of made-up athletes with results, the same everywhere, to build against."""
    from app.cli.sandbox import run_sandbox

    run_sandbox(reset=reset, discard=discard, new_key=new_key)


audit = typer.Typer(help="The audit trail: who did what to what.", no_args_is_help=True)
app.add_typer(audit, name="audit")


@audit.command()
def verify(
    organisation_id: Annotated[
        str, typer.Argument(help="Whose trail; every organisation's without it.")
    ] = "",
    head: Annotated[
        list[str] | None,
        typer.Option(help="A head noted before, which must still be there; may be repeated."),
    ] = None,
) -> None:
    """Walk the audit trails from their first record; exit code 1 when one was changed, with the first broken link."""
    from app.cli.admin import verify_audit as run

    raise typer.Exit(run(organisation_id=organisation_id, heads=head or ()))


@app.command()
def analyse(
    clip: Annotated[Path, typer.Argument(help="A video of one trial.")],
    movement: Annotated[
        str,
        typer.Option(
            help="What the athlete does: drop_vertical_jump, jump_landing, bilateral_drop_landing,"
            " single_leg_landing, bilateral_squat, single_leg_squat, lateral_step_down, forward_lunge, running,"
            " side_step_cut or standing."
        ),
    ] = "drop_vertical_jump",
    view: Annotated[str, typer.Option(help="Where the camera stands: frontal or sagittal.")] = "frontal",
    box_height_cm: Annotated[float | None, typer.Option(help="Height of the box.")] = None,
    stature_cm: Annotated[float | None, typer.Option(help="Standing height of the athlete.")] = None,
    sex: Annotated[
        str, typer.Option(help="female, male or unspecified; chooses the reference range.")
    ] = "unspecified",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    series: Annotated[bool, typer.Option("--series", help="With --json: the curves, too.")] = False,
    overlay: Annotated[Path | None, typer.Option(help="Write the video with the skeleton drawn in.")] = None,
    stills: Annotated[Path | None, typer.Option(help="Write the flagged frames into this folder.")] = None,
) -> None:
    """Analyse one file with no server. Exit code 0: analysed, 3: rejected with findings, 2: cannot be done."""
    from app.cli.analyse import AnalyseOrder, run_analyse

    order = AnalyseOrder(
        clip=clip, movement=movement, view=view, box_height_cm=box_height_cm, stature_cm=stature_cm, sex=sex,
        as_json=as_json, series=series, overlay=overlay, stills=stills,
    )  # fmt: skip
    raise typer.Exit(run_analyse(order))


def main() -> None:
    """Run the command; what the user can put right is said plainly, without a trace."""
    try:
        app()
    except Exception as error:
        message = _plain(error)
        if message is None:
            raise
        sys.stderr.write(f"{message}\n")
        sys.exit(EXIT_PROBLEM)


def _plain(error: Exception) -> str | None:
    from app.domain.errors import DomainError
    from app.embedded.problems import StackError
    from app.settings import SettingsError

    if isinstance(error, SettingsError | StackError):
        return str(error)
    if isinstance(error, DomainError):
        return f"{error.message} {error.how_to_fix}".strip()
    return None
