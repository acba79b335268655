"""The confined children, for real: what they inherit, how they die, and that they do."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from app.biomech.types import FlaggedFrame, Side, TrialContext
from app.domain.lifecycle import Stage
from app.services.video_reader import PictureOrder, VideoReaderDiedError, VideoReading
from tests.factories import make_track
from tests.support.videos import room, steady, with_claps, write_film_with_sound, write_flash, write_video
from workers.sandbox import SandboxedReader, SandboxPool, SandboxSettings
from workers.sandbox_protocol import Limits, ProtocolError, decode_answer

pytestmark = pytest.mark.pose


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    with SandboxPool() as pool:
        yield pool


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "blank.mp4", times_s=steady(40, 30.0), size=(320, 240))


def _read(reader: SandboxedReader, path: Path) -> VideoReading:
    return reader.read(path, context=TrialContext(), on_progress=lambda _stage, _share: None)


def _is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_child_when_warm_then_no_video_waits_for_an_import(pool: SandboxPool, video: Path) -> None:
    with pool.reader() as reader:
        assert (
            _read(reader, video).track is None
        )  # nobody in it: nothing was planned, so nothing was needed yet
        assert "_sosfilt" in Path(f"/proc/{reader.pid}/maps").read_text()


def test_child_when_it_reads_then_it_inherited_nothing(pool: SandboxPool, video: Path) -> None:
    secret = "PLUMBLINE_TEST_CANARY"  # a name, and its value below
    os.environ[secret] = "canary"
    try:
        with video.open("rb") as held, pool.reader() as reader:
            os.set_inheritable(held.fileno(), True)
            reading = _read(reader, video)
            assert b"canary" not in Path(f"/proc/{reader.pid}/environ").read_bytes()
            open_files = [str(link.readlink()) for link in Path(f"/proc/{reader.pid}/fd").iterdir()]
            assert not [name for name in open_files if name.endswith(".mp4") or "socket" in name]
            status = Path(f"/proc/{reader.pid}/status").read_text()
            assert "NoNewPrivs:\t1" in status
            assert os.getpgid(reader.pid) == reader.pid
            limits = Path(f"/proc/{reader.pid}/limits").read_text()
            assert str(Limits().memory_bytes) in limits
    finally:
        del os.environ[secret]
    assert reading.track is None
    assert [finding.code for finding in reading.findings] == ["no_person"]
    assert reading.video is not None
    assert (reading.video.width_px, reading.video.n_frames) == (320, 40)


def test_read_when_a_clap_is_in_the_sound_then_its_instant_comes_with_what_the_file_is(
    pool: SandboxPool, tmp_path: Path
) -> None:
    film = write_film_with_sound(tmp_path / "clap.mp4", sound=with_claps(room(), [1.2]))
    with pool.reader() as reader:
        reading = _read(reader, film)
    assert reading.video is not None
    assert reading.video.clap_s == pytest.approx(1.2, abs=0.005)


def test_read_when_a_flash_is_in_the_pictures_then_its_instant_comes_too(
    pool: SandboxPool, tmp_path: Path
) -> None:
    with pool.reader() as reader:
        reading = _read(reader, write_flash(tmp_path / "flash.mp4", lit=[31, 32]))
    assert reading.video is not None
    assert (reading.video.flash_s, reading.video.clap_s) == (pytest.approx(31 / 30), None)


def test_read_when_a_film_is_read_then_its_light_and_its_bits_come_with_what_the_file_is(
    pool: SandboxPool, tmp_path: Path
) -> None:
    film = write_video(tmp_path / "film.mp4", times_s=steady(40, 30.0), size=(320, 240))
    with pool.reader() as reader:
        reading = _read(reader, film)
    assert reading.video is not None
    level = np.array([255.0, 90.0, 90.0, 90.0]) / 255.0  # a white quarter, the rest grey
    assert reading.video.brightness == pytest.approx(level.mean(), abs=0.01)
    assert reading.video.contrast == pytest.approx(level.std(), abs=0.01)
    assert reading.video.key_bits_per_pixel is not None
    assert 0.0 < reading.video.key_bits_per_pixel < 8.0 * film.stat().st_size / (320 * 240)


def test_read_when_file_is_hostile_then_it_is_a_finding_and_the_pool_lives(
    pool: SandboxPool, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("#EXTM3U\n" * 10)
    with pool.reader() as reader:
        reading = _read(reader, text)
    assert (reading.video, reading.track) == (None, None)
    assert [finding.code for finding in reading.findings] == ["not_a_video"]


def test_read_when_child_is_killed_then_the_reader_died(pool: SandboxPool) -> None:
    with pool.reader() as reader:

        def kill(stage: Stage, share: float) -> None:
            os.kill(reader.pid, signal.SIGKILL)

        sample = Path("samples/dvj_f_neutral_60.mp4")
        with pytest.raises(VideoReaderDiedError, match="signal 9"):
            reader.read(sample, context=TrialContext(), on_progress=kill)


def test_draw_when_nothing_was_read_then_the_reader_died(
    pool: SandboxPool, tmp_path: Path, video: Path
) -> None:
    with pool.reader() as reader:
        reading = _read(reader, video)
        assert reading.track is None
        order = PictureOrder(track=None, events=(), flagged_frames=(), kinematics=None)  # type: ignore[arg-type]  # what no caller should send
        with pytest.raises(VideoReaderDiedError, match="ValueError"):
            reader.draw(order, directory=tmp_path, overlay=False, on_progress=lambda _stage, _share: None)


def test_draw_when_a_fresh_reader_is_given_the_track_then_it_draws_without_reading(
    pool: SandboxPool, tmp_path: Path, video: Path
) -> None:
    flagged = FlaggedFrame(frame=5, time_s=5 / 60, reason="initial_contact", side=Side.LEFT)
    order = PictureOrder(
        track=make_track(40), events=(), flagged_frames=(flagged,), kinematics=None, video=video
    )
    with pool.reader() as reader:
        pictures = reader.draw(
            order, directory=tmp_path, overlay=True, on_progress=lambda _stage, _share: None
        )
    assert pictures.stills[5].read_bytes().startswith(b"\xff\xd8")
    assert pictures.overlay is not None
    with av.open(str(pictures.overlay)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 40


def test_reader_when_used_from_a_thread_that_ends_then_the_next_spare_still_lives(
    pool: SandboxPool, video: Path
) -> None:
    codes: list[str] = []

    def work() -> None:
        with pool.reader() as reader:
            codes.extend(finding.code for finding in _read(reader, video).findings)

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
    assert codes == ["no_person", "no_person"]


def test_child_when_made_then_it_is_a_copy_of_a_process_with_one_thread_that_never_opens_a_video(
    pool: SandboxPool, video: Path
) -> None:
    with pool.reader() as reader, pool.reader() as another:
        nursery = psutil.Process(reader.pid).parent()
        assert nursery == psutil.Process(another.pid).parent()
        assert nursery is not None
        assert (nursery.ppid(), nursery.num_threads()) == (os.getpid(), 1)
        _read(reader, video)
        assert nursery.num_threads() == 1
        assert psutil.Process(another.pid).open_files() == []
        _read(another, video)


def test_child_when_its_nursery_is_killed_then_it_ends_and_the_next_video_is_read_all_the_same(
    video: Path,
) -> None:
    with SandboxPool() as pool:
        with pool.reader() as reader:
            pid = reader.pid
            psutil.Process(pid).parent().kill()  # type: ignore[union-attr]  # it has one
            with pytest.raises(VideoReaderDiedError):
                _read(reader, video)
        until_s = time.monotonic() + 5
        while time.monotonic() < until_s and not _is_gone(pid):
            time.sleep(0.01)
        assert _is_gone(pid)
        with pool.reader() as reader:
            assert _read(reader, video).video is not None


def test_child_when_it_draws_then_it_lets_those_that_read_go_first(pool: SandboxPool) -> None:
    with pool.reader(nice=10) as drawer, pool.reader() as reader:
        ours = os.nice(0)
        assert psutil.Process(reader.pid).nice() == ours
        assert psutil.Process(drawer.pid).nice() == min(19, ours + 10)
        grouped = Path(f"/proc/{drawer.pid}/autogroup")
        if grouped.exists():
            assert grouped.read_text().split()[-1] == "10"


def test_read_when_memory_is_not_enough_then_the_reader_died(tmp_path: Path) -> None:
    # Each picture takes 13 MB, so that no memory the child has already is enough to decode any.
    large = write_video(tmp_path / "large.mp4", times_s=steady(16, 30.0), size=(3840, 2160))
    limits = Limits(memory_bytes=128 * 1024 * 1024)
    with (
        SandboxPool(SandboxSettings(limits=limits)) as pool,
        pool.reader() as reader,
        pytest.raises(VideoReaderDiedError),
    ):
        _read(reader, large)


def test_read_when_it_takes_too_long_then_the_child_is_killed() -> None:
    with SandboxPool(SandboxSettings(timeout_s=0.3)) as pool, pool.reader() as reader:
        pid = reader.pid
        with pytest.raises(VideoReaderDiedError, match="too long"):
            _read(reader, Path("samples/dvj_f_neutral_60.mp4"))
    assert _is_gone(pid)


def test_reader_when_model_is_no_model_then_the_reader_died(tmp_path: Path, video: Path) -> None:
    model = tmp_path / "other.task"
    model.write_bytes(b"not a bundle")
    with (
        SandboxPool(SandboxSettings(model=model)) as pool,
        pool.reader() as reader,
        pytest.raises(VideoReaderDiedError),
    ):
        _read(reader, video)


_PARENT = """
import sys, time
from workers.sandbox import SandboxPool
pool = SandboxPool()
reader = pool.reader()
print(reader.pid, flush=True)
time.sleep(120)
"""


def test_children_when_worker_is_killed_then_none_is_left() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        int(parent.stdout.readline())
        children = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
        assert children
    finally:
        parent.kill()
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s and not all(_is_gone(pid) for pid in children):
        time.sleep(0.1)
    assert all(_is_gone(pid) for pid in children)


def test_pool_when_closed_then_no_child_and_no_folder_is_left() -> None:
    pool = SandboxPool()
    reader = pool.reader()
    folder = Path(f"/proc/{reader.pid}/cwd").readlink()
    assert not _is_gone(reader.pid)
    pool.close()
    assert _is_gone(reader.pid)
    assert not folder.exists()
    with pytest.raises(VideoReaderDiedError):
        pool.reader()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b'{"kind": "read_done"}',
        b'{"kind": "progress", "stage": "party", "share": 0.5}',
        b'{"kind": "progress", "stage": "pose", "share": 7}',
        b'{"kind": "draw_done", "stills": ["../../etc/passwd"], "has_overlay": false}',
        b'{"kind": "read_done", "video": null, "has_track": false, "findings": [{"code": "made_up"}], "n_network_runs": 1}',
        b"[" * 5000,
    ],
)
def test_answer_when_it_is_not_in_the_protocol_then_it_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_answer(line)


def test_pool_when_an_earlier_worker_was_killed_then_its_folders_are_removed() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    orphaned = Path(tempfile.mkdtemp(prefix=f"plumbline-video-{ended.pid}-"))
    (orphaned / "track.npz").write_bytes(b"x")
    in_use = Path(tempfile.mkdtemp(prefix=f"plumbline-video-{os.getpid()}-"))
    try:
        SandboxPool(SandboxSettings()).close()
        assert not orphaned.exists()
        assert in_use.exists()
    finally:
        in_use.rmdir()
