"""The tutorial does what it says: its blocks run in order, in one interpreter, on the sample clip."""

import re
from pathlib import Path

import pytest

from app.biomech.change import ChangeVerdict
from app.biomech.norms import NormResult
from app.biomech.trials import TrialAdvice
from app.biomech.types import Assessed

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "tutorial.md").read_text(), re.DOTALL)


@pytest.mark.pose
def test_tutorial_when_its_blocks_are_run_in_order_then_each_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, block in enumerate(BLOCKS, 1):
        exec(compile(block, f"tutorial, block {number}", "exec"), names)  # noqa: S102 - our own page is what is tested
    assert isinstance(names["outcome"], Assessed)
    assert isinstance(names["corrected"], Assessed)
    assert names["corrected"].events != names["outcome"].events
    assert names["judgement"].advice is TrialAdvice.ENOUGH  # type: ignore[attr-defined]  # a name of the page
    assert isinstance(names["place"], NormResult)
    assert names["change"].verdict is ChangeVerdict.WITHIN_ERROR  # type: ignore[attr-defined]  # a name of the page
    told = capsys.readouterr().out
    for words in (
        "frames a second",
        "smallest real change",
        "Enough valid trials",
        "Within measurement error",
    ):
        assert words in told
