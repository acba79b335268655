"""What a command on the same machine learns of the stack that runs."""

from pathlib import Path

from pydantic import SecretStr

from app.embedded.addresses import forget_addresses, with_running_stack, write_addresses
from app.embedded.paths import prepare_paths
from app.settings import load_settings


def test_command_when_a_stack_runs_then_knows_its_servers_address_and_store(tmp_path: Path) -> None:
    running = load_settings(
        data_dir=tmp_path,
        port=8301,
        storage_url="s3://bucket/videos",
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
    )
    write_addresses(prepare_paths(tmp_path), running)
    found = with_running_stack(load_settings(data_dir=tmp_path))
    assert found.base_url == "http://127.0.0.1:8301"
    assert found.storage_url == "s3://bucket/videos"
    assert found.redis_url == running.redis_url
    told = with_running_stack(load_settings(data_dir=tmp_path, public_url="https://screen.example.org"))
    assert told.base_url == "https://screen.example.org"
    forget_addresses(tmp_path)
    assert with_running_stack(load_settings(data_dir=tmp_path)).base_url == "http://127.0.0.1:8000"
