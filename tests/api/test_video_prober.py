"""The quick look: real files, a real child process, and what the child may not do."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from app.domain.errors import UnreadableVideoError
from app.media.facts import VideoFacts, VideoRefusedError
from app.media.probe import ProbeError, VideoProbe, parse_answer
from app.services.video_prober import SandboxedProber
from tests.api.support import SAMPLE

FACTS = {
    "container": "mp4",
    "codec": "h264",
    "coded_width_px": 720,
    "coded_height_px": 1280,
    "duration_s": 3.5,
    "n_packets": 210,
    "nominal_fps_hz": 60,
}


@pytest.fixture(scope="module")
def probe() -> Iterator[VideoProbe]:
    made = VideoProbe()
    yield made
    made.close()


@pytest.fixture(scope="module")
def prober(probe: VideoProbe) -> SandboxedProber:
    return SandboxedProber(max_duration_s=60, probe=probe)


def test_file_when_a_video_then_described(prober: SandboxedProber, tmp_path: Path) -> None:
    unnamed = tmp_path / str(UUID(int=7))
    unnamed.write_bytes(SAMPLE.read_bytes())
    probed = prober(unnamed)
    assert (probed.extension, probed.container, probed.codec) == ("mp4", "mp4", "h264")
    assert (probed.width_px, probed.height_px) == (720, 1280)
    assert probed.duration_s == pytest.approx(
        3.65, abs=0.05
    )  # 219 frames at 60 Hz, as the sample's truth says


def test_file_when_quicktime_then_mov(prober: SandboxedProber, tmp_path: Path) -> None:
    content = bytearray(SAMPLE.read_bytes())
    assert content[4:8] == b"ftyp"
    content[8:12] = b"qt  "
    path = tmp_path / "a"
    path.write_bytes(content)
    assert prober(path).extension == "mov"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"just some text", "not_a_video"),
        (b"#EXTM3U\nhttp://127.0.0.1/x.ts\n", "not_a_video"),
        (SAMPLE.read_bytes()[: SAMPLE.stat().st_size // 2], "corrupt_video"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(4000), "corrupt_video"),
    ],
    ids=["empty", "text", "playlist", "cut off", "header alone"],
)
def test_file_when_unusable_then_refused_in_the_findings_words(
    prober: SandboxedProber, tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(UnreadableVideoError) as refusal:
        prober(path)
    assert refusal.value.context["reason"] == code
    assert refusal.value.message
    assert refusal.value.how_to_fix


def test_file_when_longer_than_configured_then_says_how_long(probe: VideoProbe) -> None:
    with pytest.raises(UnreadableVideoError) as refusal:
        SandboxedProber(max_duration_s=2, probe=probe)(SAMPLE)
    assert refusal.value.context["reason"] == "too_long"
    assert "2 s" in refusal.value.message


def test_child_when_it_takes_too_long_then_killed_and_the_file_refused(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A named pipe that nobody writes to keeps the child waiting for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    impatient = VideoProbe(timeout_s=0.3)
    request.addfinalizer(impatient.close)
    with pytest.raises(VideoRefusedError) as refusal:
        impatient.read_facts(pipe)
    assert refusal.value.code == "corrupt_video"
    assert impatient.read_facts(SAMPLE).codec == "h264"


def test_child_when_it_cannot_work_then_the_file_is_not_blamed(probe: VideoProbe, tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="FileNotFoundError"):
        probe.read_facts(tmp_path / "not-there")


def _started_by_us() -> list[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    return [process for process in found if "app.media.probe_child" in process.cmdline()]


def test_probe_when_the_process_that_forks_was_killed_then_another_is_started(
    request: pytest.FixtureRequest,
) -> None:
    before = _started_by_us()
    probe = VideoProbe()
    request.addfinalizer(probe.close)
    assert probe.read_facts(SAMPLE).codec == "h264"
    forks = [process for process in _started_by_us() if process not in before]
    assert len(forks) == 1
    forks[0].kill()
    assert probe.read_facts(SAMPLE).codec == "h264"
    probe.close()
    assert [process for process in _started_by_us() if process not in before] == []


def test_probe_when_several_files_come_at_once_then_each_gets_its_own_answer(
    probe: VideoProbe, tmp_path: Path
) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"just some text")

    def answer(path: Path) -> str:
        try:
            return probe.read_facts(path).codec
        except VideoRefusedError as refusal:
            return refusal.code

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(answer, [SAMPLE, text] * 6))
    assert answers == ["h264", "not_a_video"] * 6


CONFINED = """
import json, os, resource, sys
from app.media.probe_child import confine
confine()
limits = {name: resource.getrlimit(getattr(resource, name)) for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE")}
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print(json.dumps({"limits": limits, "no_new_privs": status["NoNewPrivs"].strip(), "bytecode": sys.dont_write_bytecode}))
"""


def test_child_when_confined_then_limits_hold() -> None:
    told = json.loads(subprocess.check_output([sys.executable, "-I", "-B", "-c", CONFINED], timeout=20))
    assert told["no_new_privs"] == "1"
    assert told["bytecode"] is True
    for name, (soft, hard) in told["limits"].items():
        assert soft == hard != resource.RLIM_INFINITY, name


def test_answer_when_good_then_facts() -> None:
    assert parse_answer(json.dumps({"facts": FACTS}).encode()) == VideoFacts(**FACTS)  # type: ignore[arg-type]  # one dict of several types


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        json.dumps({"facts": FACTS | {"duration_s": float("nan")}}).encode(),
        json.dumps({"facts": FACTS | {"coded_width_px": "720"}}).encode(),
        json.dumps({"facts": {}}).encode(),
        json.dumps({"refused": "too_long", "details": []}).encode(),
    ],
)
def test_answer_when_not_as_agreed_then_the_file_is_refused(answer: bytes) -> None:
    with pytest.raises(VideoRefusedError) as refusal:
        parse_answer(answer)
    assert refusal.value.code == "corrupt_video"
