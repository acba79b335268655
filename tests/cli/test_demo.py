"""`plumbline demo`: what `make run` does after the set-up."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.processes import free_port, run

SAMPLE = Path(__file__).resolve().parent.parent.parent / "samples" / "dvj_f_valgus20_60.mp4"


@pytest.mark.pose
def test_demo_when_run_twice_then_the_second_shows_the_same_result_without_another_upload(
    tmp_path: Path,
) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    shutil.copy(SAMPLE, samples)
    first, second = _demo(tmp_path, samples), _demo(tmp_path, samples)
    assert first == second
    assert "Maya Okafor" in first
    assert "valid" in first
    assert "coach@demo.example" in first
    assert max(map(len, first.splitlines())) <= 80 or "pl_live_" in max(first.splitlines(), key=len)
    notes = json.loads((tmp_path / "data" / "demo.json").read_text())
    assert list(notes["recordings"]) == [SAMPLE.stem]
    assert (tmp_path / "data" / "demo.json").stat().st_mode & 0o077 == 0
    originals = list((tmp_path / "data" / "blobs").rglob("original.mp4"))
    assert len(originals) == 1
    assert originals[0].read_bytes() == SAMPLE.read_bytes()


def _demo(folder: Path, samples: Path) -> str:
    demo = ("demo", "--samples", str(samples), "--exit-when-done")
    result = run(*demo, timeout_s=240, data_dir=folder / "data", port=_port(folder))
    assert result.returncode == 0, result.stderr
    return result.stdout


def _port(folder: Path) -> int:
    """Return the same free port for both runs, because the address is part of what is shown."""
    note = folder / "port"
    if not note.exists():
        note.write_text(str(free_port()))
    return int(note.read_text())
