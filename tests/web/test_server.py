"""Starting the server: a taken port and an odd one are told plainly."""

import socket
from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.web import serve


def test_a_taken_port_is_told_with_what_to_type(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AssistantError, match=f"127.0.0.1:{port}") as told:
            serve(Settings(home=tmp_path), host="127.0.0.1", port=port)
    assert told.value.hint.startswith("--port ")


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssistantError, match="Can't listen"):
        serve(Settings(home=tmp_path), host="203.0.113.7", port=7860)


def test_a_home_without_a_record_is_told_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(AssistantError):
        serve(Settings(home=tmp_path / "nothing"), host="127.0.0.1", port=_free())


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
