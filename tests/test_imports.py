"""The house's one-way imports, and how little the package and its help load."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "transformers", "sentence_transformers", "gradio", "fastapi", "pandas", "faiss", "sklearn", "lightgbm", "sqlite_utils")  # fmt: skip


def loaded(code: str) -> set[str]:
    """Top-level names in ``sys.modules`` of a fresh interpreter after ``code``."""
    program = f"import json, sys\n{code}\nsys.stderr.write('|' + json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.rpartition("|")[2]))


def test_imports_run_one_way() -> None:
    scripts = Path(sysconfig.get_path("scripts"))
    program = shutil.which("lint-imports", path=str(scripts)) or shutil.which("lint-imports")
    if program is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import assistant",
        "import assistant.cli",
        "from assistant import AssistantError, Evidence",
        "import assistant.crm, assistant.dialogue, assistant.insight, assistant.knowledge, assistant.language, assistant.web",
        "from assistant.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit as done:\n    assert not done.code",
        "from assistant.cli import main\ntry:\n    main(['ask', '--help'])\nexcept SystemExit as done:\n    assert not done.code",
        "from assistant.cli import main\ntry:\n    main(['--version'])\nexcept SystemExit as done:\n    assert not done.code",
    ],
)  # fmt: skip
def test_light_doors_load_nothing_heavy(code: str) -> None:
    assert not loaded(code) & set(HEAVY)


def test_public_names_are_there() -> None:
    import assistant

    assert set(assistant.__all__) <= set(dir(assistant))
    with pytest.raises(AttributeError, match="nothing_of_the_sort"):
        assistant.nothing_of_the_sort  # noqa: B018
    for name in ("Settings", "Evidence", "AssistantError", "Store", "Assistant"):
        assert getattr(assistant, name).__name__ == name
