"""What is said when the stack cannot run."""

import os
from pathlib import Path

import pytest

from app.embedded import problems
from app.embedded.children import Roll, start_ticks
from app.embedded.paths import MAX_SOCKET_PATH_BYTES, check_room, prepare_paths, take_lock
from app.embedded.problems import StackError
from app.embedded.valkey import prepare_valkey


def test_child_failed_when_its_log_says_that_the_disk_is_full_then_that_is_what_the_user_reads(
    tmp_path: Path,
) -> None:
    log = tmp_path / "postgres.log"
    log.write_text('FATAL:  could not write lock file "postmaster.pid": No space left on device\n')
    message = str(problems.child_failed("PostgreSQL", log=log, exit_code=1))
    assert "exit code 1" in message
    assert "The disk is full: free some space" in message


def test_check_room_when_there_is_plenty_then_silent(tmp_path: Path) -> None:
    check_room(prepare_paths(tmp_path / "data"))


def test_disk_full_when_told_then_names_the_folder_the_room_and_the_way_out() -> None:
    message = str(problems.disk_full(Path("/data"), free_bytes=3 * 2**20, needed_bytes=300 * 2**20))
    assert "/data is full: 3 MB are free, 300 MB are needed" in message
    assert "PLUMBLINE_DATA_DIR" in message


def test_lock_when_held_then_the_second_taker_reads_who_holds_it(tmp_path: Path) -> None:
    paths = prepare_paths(tmp_path / "data")
    held_by = f"process {os.getpid()}, http://127.0.0.1:8000"
    with take_lock(paths, address="http://127.0.0.1:8000"), pytest.raises(StackError, match=held_by):
        take_lock(paths, address="http://127.0.0.1:8001")
    take_lock(paths, address="http://127.0.0.1:8002").close()


def test_socket_folder_when_the_data_folder_is_too_deep_then_a_short_one_of_ours_is_used(
    tmp_path: Path,
) -> None:
    paths = prepare_paths(tmp_path / ("x" * 120))
    assert len(os.fsencode(paths.run / "pg" / ".s.PGSQL.5432")) <= MAX_SOCKET_PATH_BYTES
    assert paths.run.stat().st_mode & 0o077 == 0
    paths.run.rmdir()


def test_socket_folder_when_somebody_put_a_link_in_its_place_then_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    run = prepare_paths(deep).run
    run.rmdir()
    run.symlink_to(tmp_path)
    try:
        with pytest.raises(StackError, match="belongs to somebody else"):
            prepare_paths(deep)
    finally:
        run.unlink()


def test_roll_when_a_number_belongs_to_another_process_now_then_that_one_is_left_alone(
    tmp_path: Path,
) -> None:
    ticks = start_ticks(os.getpid())
    assert ticks is not None
    (tmp_path / "roll").write_text(f'{{"{os.getpid()}": {ticks - 1}}}')
    assert Roll(tmp_path / "roll").end_leftovers() == 0


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}'])
def test_roll_when_its_file_is_damaged_then_nothing_is_ended(tmp_path: Path, text: str) -> None:
    (tmp_path / "roll").write_text(text)
    assert Roll(tmp_path / "roll").end_leftovers() == 0


def test_valkey_when_its_kept_messages_are_broken_then_set_aside(tmp_path: Path) -> None:
    valkey = prepare_valkey(prepare_paths(tmp_path / "data"))
    (valkey.folder / "appendonlydir").mkdir()
    assert not valkey.set_broken_files_aside()
    valkey.log.write_text("# Bad file format reading the append only file appendonly.aof.1.incr.aof\n")
    assert valkey.set_broken_files_aside()
    assert [path.name.split("-")[0] for path in valkey.folder.iterdir() if path.is_dir()] == [
        "appendonlydir.broken"
    ]
    assert not valkey.set_broken_files_aside()
