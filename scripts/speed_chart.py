"""Draw the newest stored speed results as docs/images/speed.svg: `python scripts/speed_chart.py [RESULT.json]`.

The picture shows the newest result of a machine that had nothing else to do, as it is of seconds; the table in
docs/speed.md the newest of all.
"""

import json
import sys
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "images" / "speed.svg"
PAGE = ROOT / "docs" / "speed.md"
BEGIN, END = "<!-- by make speed-chart -->\n", "<!-- to here -->\n"
COLUMNS = (
    ("clip", "{clip}"),
    ("seconds", "{ours[seconds]:.2f} ({times_faster:.1f} times faster)"),
    ("core time", "{ours[cpu_s]:.2f} s"),
    ("plain loop's", "{plain[cpu_s]:.2f} s"),
    ("network runs", "{ours[n_network_runs]:.0f}"),
    ("close reading over its runs", "{agreement[close_ratio]:.2f}"),
    ("reader", "{ours[child_mb]:.0f} MB"),
    ("FPPA at peak", "{agreement[peak_fppa_deg]:.2f}°"),
    ("events", "{agreement[event_frames]:.2f} of a frame"),
)
SCHEMAS = {"plumbline.bench.speed/2", "plumbline.bench.speed/3"}
BUSY = 2.0
"""With more others at work on each core, seconds tell how busy they were."""
WIDTH, LEFT, RIGHT, TOP = 860, 220, 120, 92
ROW, BAR = 56, 18
COLOURS = {"ours": "#0f766e", "plain": "#94a3b8"}
WORDS = {"ours": "Plumbline", "plain": "every frame through MediaPipe"}


def newest(*, is_idle: bool) -> Path:
    """Return the newest stored result that holds times against the plain loop, of an idle machine or of any."""
    stored = sorted((ROOT / "bench" / "results").glob("speed-*.json"), reverse=True)
    for path in stored:
        document = json.loads(path.read_text())
        if document["schema"] in SCHEMAS and not (is_idle and is_busy(document)):
            return path
    raise SystemExit("no stored result; `make bench` makes one")


def is_busy(document: dict[str, Any]) -> bool:
    """Return whether others were at work when it was measured."""
    machine = document["machine"]
    return bool(machine["load_before"] >= BUSY * machine["n_cores"])


def table(document: dict[str, Any], *, name: str) -> str:
    """Return a result as a table of the page; without seconds, which say nothing, when the machine was busy."""
    machine = document["machine"]
    columns = [column for column in COLUMNS if not (column[0] == "seconds" and is_busy(document))]
    rows = [[head for head, _ in columns], ["---"] * len(columns)]
    rows += [[cell.format(**clip) for _, cell in columns] for clip in document["clips"]]
    lines = [
        f"`{name}`: {machine['processor']}, {machine['n_cores']} cores, version {machine['commit']}"
        + (", with others at work, so that its seconds would say nothing:" if is_busy(document) else ":"),
        "",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    memory = document["memory_clip"]
    if memory is not None:
        lines += ["", f"A minute of 4K is read by a process of {memory['child_mb']:.0f} MB."]
    return "\n".join(lines) + "\n"


def filled(page: str, found: str) -> str:
    """Return the page with a table in its place."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{found}{END}{after}"


def chart(document: dict[str, Any]) -> str:
    """Return the chart: two bars a clip, seconds to the result."""
    clips = document["clips"]
    longest = max(clip["plain"]["seconds"] for clip in clips)
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = TOP + ROW * len(clips) + 24
    machine = document["machine"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#0f172a">',
        "<title>Seconds from a warm process to the result</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="20" y="28" font-size="17" font-weight="600">Seconds from a warm process to the result</text>',
        f'<text x="20" y="48" fill="#475569">{escape(machine["processor"])}, {machine["n_cores"]} cores, '
        f"version {escape(machine['commit'])}, {escape(document['measured_at'][:10])}</text>",
    ]
    for n, (program, words) in enumerate(WORDS.items()):
        x = 20 + 130 * n
        parts.append(f'<rect x="{x}" y="62" width="12" height="12" fill="{COLOURS[program]}"/>')
        parts.append(f'<text x="{x + 18}" y="73">{words}</text>')
    for row, clip in enumerate(clips):
        y = TOP + ROW * row
        parts.append(f'<text x="{LEFT - 12}" y="{y + 24}" text-anchor="end">{escape(clip["clip"])}</text>')
        for n, program in enumerate(WORDS):
            seconds, top = clip[program]["seconds"], y + n * (BAR + 3) + 4
            faster = f"  {clip['times_faster']:.1f} times faster" if program == "ours" else ""
            width = seconds * scale
            parts.append(
                f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{COLOURS[program]}"/>'
                f'<text x="{LEFT + width + 6:.1f}" y="{top + 14}">{seconds:.2f} s{faster}</text>'
            )
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    """Draw it, and fill the table."""
    asked = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    drawn, listed = asked or newest(is_idle=True), asked or newest(is_idle=False)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(chart(json.loads(drawn.read_text())))
    PAGE.write_text(filled(PAGE.read_text(), table(json.loads(listed.read_text()), name=listed.name)))
    print(f"{drawn.name} -> {TARGET.relative_to(ROOT)}, {listed.name} -> {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
