#!/usr/bin/env python
"""Measure the recommender on files of orders: every ranking by recall@10, NDCG@10 and coverage, one run.

    python scripts/bench_recommend.py ../shared/data/online_retail_uci/{france,germany}.csv
    python scripts/bench_recommend.py --demo

Rankings are chosen on earlier windows of time; the figures are those of the last window, which chose
nothing.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="order files, imported into a fresh record")
    parser.add_argument("--demo", action="store_true", help="the demo company instead of files")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if bool(options.files) == options.demo:
        parser.error("give order files, or --demo")

    from assistant.crm import Store, import_file
    from assistant.crm.demo import make_demo
    from assistant.errors import AssistantError
    from assistant.insight.recommend import Recommender

    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "crm.sqlite") as store:
        try:
            for file in options.files:
                import_file(store, "orders", file)
            if options.demo:
                make_demo(store)
            started = time.perf_counter()
            model = Recommender().fit(store)
        except AssistantError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        seconds = time.perf_counter() - started
        customers = [row["id"] for row in store.customers()][:200]
        started = time.perf_counter()
        for customer in customers:
            model.recommend(store, customer)
        each = (time.perf_counter() - started) / len(customers)
    figures = {**model.metrics, "fit_seconds": seconds, "milliseconds_per_customer": each * 1000}
    if options.json:
        print(json.dumps({**figures, "candidates": model.table_}, indent=2))
        return 0
    for kind, title in (("all", "all purchases"), ("new_only", "only products new to the customer")):
        print(f"\n{title}: {figures['test_days']} days from {figures['test_from']}")
        print(f"{'':48}{'recall@5':>9}{'recall@10':>10}{'NDCG@10':>9}{'coverage':>9}")
        for name, q in model.table_[kind].items():
            mark = "*" if name == (model.kept_ if kind == "all" else model.kept_new_) else " "
            row = [q["recall_at_5"], q["recall_at_10"], q["ndcg_at_10"], q["coverage"]]
            print(f"{mark} {name:<46}{row[0]:>9.4f}{row[1]:>10.4f}{row[2]:>9.4f}{row[3]:>9.3f}")
    print("* chosen on the windows before\n")
    if "newcomers" in figures:
        print(
            f"first purchases of {figures['newcomers']} customers never seen: recall@10 "
            f"{figures['newcomer_recall_at_10']:.4f} by group, "
            f"{figures['newcomer_popularity_recall_at_10']:.4f} by popularity"
        )
    print(
        f"recall@10 {figures['recall_at_10']:.4f} against {figures['popularity_recall_at_10']:.4f} of popularity: "
        f"{figures['recall_lift']:+.0%}; {figures['test_customers']} customers; trained in {seconds:.1f} s, "
        f"{each * 1000:.0f} ms per customer"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
