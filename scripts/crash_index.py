#!/usr/bin/env python
"""Kill index builds with SIGKILL at random moments, and look whether the live index is as it was.

    scripts/crash_index.py [--kills 200]    # half of them anywhere in a build, half while it is being published

After every kill the live index must open, answer as before (or as the new build, if that was published), and its
files must have their digests; the next build must leave nothing behind but published builds. Ends in one line of JSON.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from assistant.knowledge import KnowledgeIndex, build_index, builds
from assistant.knowledge.vectors import FILE
from tests.knowledge.doubles import HashedEmbedder


def write_articles(kb: Path, edition: int) -> None:
    for number in range(60):
        path = kb / "public" / f"a{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        changed = f" edition{edition}" if number < 5 else ""
        path.write_text(
            f"---\ntitle: Subject number{number}\n---\nAbout word{number}a and word{number}b{changed}."
        )


def build_in_child(home: Path, kb: Path) -> int:
    """A child that builds; it says on its pipe when publishing begins."""
    child = os.fork()
    if child == 0:
        try:
            build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
        finally:
            os._exit(0)
    return child


def check(home: Path, before: str, edition: int) -> list[str]:
    """What is wrong with the live index; empty if nothing is."""
    problems = []
    live = builds.published(home)
    builds.verify(home, live[0])
    index = KnowledgeIndex.open(home, HashedEmbedder())
    if len(list(index.everything())) != 60:
        problems.append("passages are missing")
    if index.search("word7a word7b", role="visitor", k=1)[0].source != "public/a7.md":
        problems.append("a search finds something else")
    if live[0] == before and index.search(f"edition{edition}", role="visitor", k=1)[0].text.endswith(
        f"edition{edition}."
    ):
        problems.append("the old build shows new text")
    if live[0] != before and before not in live:
        problems.append("the earlier build is lost")
    index.close()
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    problems: list[str] = []
    counts = {
        "killed_building": 0,
        "killed_publishing": 0,
        "ended_before": 0,
        "published_by_then": 0,
        "leftovers_seen": 0,
    }
    with tempfile.TemporaryDirectory() as folder:
        home, kb = Path(folder) / "home", Path(folder) / "kb"
        write_articles(kb, 0)
        started = time.perf_counter()
        build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
        whole = time.perf_counter() - started
        edition, number = 0, 0
        while counts["killed_building"] + counts["killed_publishing"] < options.kills:
            number += 1
            edition += 1
            write_articles(kb, edition)
            before = builds.published(home)[0]
            child = build_in_child(home, kb)
            aimed = number % 2
            if (
                aimed
            ):  # wait for the manifest: from here on it is digests, rename, pointer, removal of old builds
                deadline = time.perf_counter() + 10 * whole
                index_dir = builds.index_dir(home)
                while time.perf_counter() < deadline and not list(index_dir.glob(f".building-*/{FILE}")):
                    time.sleep(0.0005)
                time.sleep(rng.random() * whole * 0.5)
            else:
                time.sleep(rng.random() * whole * 1.2)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                counts["ended_before"] += 1
            else:
                counts["killed_publishing" if aimed else "killed_building"] += 1
            counts["published_by_then"] += builds.published(home)[0] != before
            known = {*builds.published(home), builds.CURRENT, ".lock"}
            counts["leftovers_seen"] += bool({path.name for path in builds.index_dir(home).iterdir()} - known)
            problems += [f"kill {number}: {problem}" for problem in check(home, before, edition)]
            if number % 10 == 0:
                edition += 1
                write_articles(kb, edition)
                build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
                left = {path.name for path in builds.index_dir(home).iterdir()} - {
                    *builds.published(home),
                    builds.CURRENT,
                    ".lock",
                }
                problems += [f"after kill {number}: left over {name}" for name in left]
    print(
        json.dumps(
            {"kills": options.kills, **counts, "problems": problems[:10], "problem_count": len(problems)}
        )
    )
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
