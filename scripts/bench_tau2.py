#!/usr/bin/env python
"""Play the 74 retail tasks of tau2-bench against the assistant and compare what it did; ends in one line of JSON.

    scripts/bench_tau2.py --data ../shared/data/tau2_retail              # db.json and tasks_train.json, read in place
    scripts/bench_tau2.py --data FOLDER --half open --show               # one half, with every task's conversation
    scripts/bench_tau2.py --data FOLDER --tasks 0 3 --out results.jsonl  # some tasks; one line each, resumable

The shop's data comes in through the project's own import; the shop's rules are in ``tau2_policy.yaml`` beside this file.
The assistant is the whole ``Assistant`` over a copy of that record per task, for a visitor who is not signed in. Judged is
what it did in the record, not what it said: so the chat model that words answers is silent unless ``--model`` names one.

The customer is a fixed rule, made from a task's own texts and nothing else; the expected actions are read by the scoring
alone, after the conversation:

1. First message: ``known_info``, put into the first person.
2. Second message: ``reason_for_call`` in the first person, whole, then those sentences of ``task_instructions`` that are
   about the order rather than the person's temper; none on how to say it. Sentences that say what to do when the agent asks for something, or
   once something is done, are held back for that moment.
3. Asked for a yes: what was held back for the confirmation, if anything (each once); else "Yes.".
4. Asked for anything else: what was held back for that question; else the sentences of the task that speak of it; else
   "I have no preference.", or the first of the answers the question itself offers, where the texts say nothing of it or
   that was no answer. The same question is answered twice at most.
5. After an answer that asks nothing: what was held back for when it is done; else the conversation is over.

Two measures, each over all tasks and by the kind of what is expected: ``writes``: the calls that change something are
exactly the listed ones (as a set, pairs of items in any order) and the orders and accounts concerned hold the same
afterwards; ``strict``: moreover exactly the listed look-ups were made (accounts, orders, products and items; neither the
search for the customer nor sums, which are no look-ups here). This assistant reads all of an account's orders at once, so
``covered`` says how often the listed look-ups were among those made. The tasks are in two halves by a hash of their
number: one may be looked at, the other is only counted.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tau2_shop as shop

MOST_TURNS = 16


def half(task: str) -> str:
    """``open`` may be looked at, ``held`` is only counted; fixed before the work began."""
    return "held" if hashlib.sha256(f"tau2-retail/{task}".encode()).digest()[0] % 2 else "open"


# -- the customer ------------------------------------------------------------------------------------------------

_I = (
    (r"\byou are\b|\byou're\b", "I am"),
    (r"\byou were\b", "I was"),
    (r"\byou(?:'ve| have)\b", "I have"),
    (r"\byou(?:'d)\b", "I'd"),
    (r"\byou(?:'ll)\b", "I'll"),
    (r"\byou name\b", "my name"),
    (r"\byourself\b", "myself"),
    (r"\byours\b", "mine"),
    (r"\byour\b", "my"),
    (r"\b(to|for|with|from|asks?|tells?|gives?|of) you\b(?! (?:want|wish|need|have|would|are|can|will|do|did))", r"\1 me"),
    (r"\byou\b", "I"),
)  # fmt: skip
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])|\n+")
_TRIGGER = re.compile(
    r"^(?:and |but |then )*(?:if|when|once|after)\s+(?:(?:the )?(?:agent|assistant)s?\s+)?(?P<event>asks?(?: me| you)?\b|asked\b|(?:has |have )?"
    r"confirm\w*|(?:the )?[^,]{0,40}\b(?:is|are) (?:complete|completed|done))(?P<topic>[^,]*),\s*(?:then )?(?P<what>.+)$",
    re.I | re.S,
)
_TEMPER = re.compile(
    r"^(?:make sure (?:to|you) mention|be sure to mention|you are|you're|you like|you want to sound|make everything sound)\b",
    re.I,
)
_ABOUT_ORDERS = re.compile(
    r"\b(?:orders?|cancel\w*|return\w*|exchang\w*|refund\w*|items?|payment|pay|zip|address\w*|reason|asked)\b",
    re.I,
)
_CONFIRM = re.compile(r"answer \"yes\"", re.I)
_TOPICS = (
    ("reason", r"\breason\b|\bwhy\b", r"\bbecause\b|\breason\b|\bmistake\b|\bno longer need"),
    ("payment", r"\bpay\w*|\brefund\w*|\bcharge\w*|\bmethod\b|\bcard\b",
     r"\bpaypal\b|\bcards?\b|\bgift\s?card|\bGC\b|\bpayment\b|\brefund"),
    ("address", r"\baddress\b", r"\baddress\b|\bstreet\b|\bavenue\b|\bdrive\b"),
    ("order", r"\border\b", r"#W\d+|\border\b"),
    ("account", r"\be-?mail\b|\bzip\b|\bpostcode\b|\bwho you are\b", r"@|\bzip\b|\d{5}"),
)  # fmt: skip


def in_first_person(text: str) -> str:
    for pattern, replacement in _I:
        text = re.sub(pattern, replacement, text, flags=re.I)
    text = re.sub(r"\bI (?:is|are)\b", "I am", text)
    return re.sub(r"(?:^|(?<=[.!?] ))[a-z]", lambda m: m[0].upper(), text)


class Customer:
    """What the customer of a task says next; made from its three texts."""

    def __init__(self, scenario: Mapping[str, Any]) -> None:
        self.known = in_first_person(str(scenario.get("known_info") or "").strip())
        sentences = _SENTENCE.split(str(scenario.get("reason_for_call") or "").strip())
        for sentence in _SENTENCE.split(str(scenario.get("task_instructions") or "").strip()):
            if _ABOUT_ORDERS.search(sentence) and not _TEMPER.match(sentence):
                sentences.append(sentence)
        said: list[str] = []
        self.at_confirmation: list[str] = []
        self.at_question: list[tuple[str, str]] = []
        self.when_done: list[str] = []
        for sentence in (s.strip(" .") for s in sentences if s.strip(" .")):
            if re.match(r"make sure (?:to|you) mention|be sure to mention", sentence, re.I):
                continue  # on how to say it
            trigger = _TRIGGER.match(sentence)
            if trigger is None:
                said.append(in_first_person(sentence) + ".")
                continue
            event, topic = trigger["event"].lower(), trigger["topic"].lower()
            what = re.sub(r"^(?:say|provide|mention|answer)(?: that)? ", "", trigger["what"], flags=re.I)
            what = in_first_person(what).strip(" .") + "."
            if not event.startswith("ask"):
                self.when_done.append(what)
            elif "confirm" in topic:
                self.at_confirmation.append(what)
            else:
                self.at_question.append((topic, what))
        self.said = said
        self.asked: Counter[str] = Counter()

    def turns(self) -> Generator[str, str, None]:
        """Messages; send the assistant's answer back into the generator."""
        answer = yield self.known
        answer = yield " ".join(self.said)
        while True:
            if _CONFIRM.search(answer):
                answer = yield self.at_confirmation.pop(0) if self.at_confirmation else "Yes."
            elif (asked := answer.rstrip()).endswith("?"):
                question = _SENTENCE.split(asked)[-1]
                self.asked[question] += 1
                if self.asked[question] > 2:
                    return
                answer = yield self._about(question)
            elif self.when_done:
                answer = yield self.when_done.pop(0)
            else:
                return

    def _about(self, question: str) -> str:
        words = set(re.findall(r"[a-z]{4,}", question.lower()))
        offered = re.findall(r'"([^"]+)"', question)
        for place, (topic, what) in enumerate(self.at_question):
            if words & set(re.findall(r"[a-z]{4,}", topic)):
                del self.at_question[place]
                return what
        for _, asked, told in _TOPICS:
            if re.search(asked, question, re.I):
                found = [s for s in (self.known, *self.said) if re.search(told, s, re.I)]
                if offered and (not found or self.asked[question] > 1):
                    return offered[0].capitalize() + "."
                if found:
                    return " ".join(found)
        return "I have no preference."


# -- playing and comparing ---------------------------------------------------------------------------------------


class Silent:
    """Stands for the chat model where only what is done counts: it knows no answer and prefers nothing."""

    def stream(self, *_: Any, **__: Any) -> Iterator[Any]:
        from langchain_core.messages import AIMessageChunk

        yield AIMessageChunk(content="I don't know.")

    def choose(self, prompt: str, options: Sequence[str], **_: Any) -> Any:
        from types import SimpleNamespace

        share = 1 / len(options)
        return SimpleNamespace(option=options[0], probabilities=dict.fromkeys(options, share))


@contextmanager
def watched(store: Any) -> Iterator[set[str]]:
    """Which rows are looked up, as the benchmark's reading calls."""
    seen: set[str] = set()

    def note(name: str, tool: str, argument: str, ids: Any) -> None:
        real = getattr(store, name)

        def looked(key: str, *args: Any, **more: Any) -> Any:
            found = real(key, *args, **more)
            for id in ids(key, found):
                seen.add(shop.normal((tool, {argument: id})))
            return found

        setattr(store, name, looked)

    note("order", "get_order_details", "order_id", lambda key, row: [row["id"]] if row else [])
    note("orders", "get_order_details", "order_id", lambda key, rows: [row["id"] for row in rows])
    note("customer", "get_user_details", "user_id", lambda key, row: [row["id"]] if row else [])
    note("variants", "get_product_details", "product_id", lambda key, rows: [key] if rows else [])
    note("variant", "get_item_details", "item_id", lambda key, row: [row["id"]] if row else [])
    yield seen


def play(task: Mapping[str, Any], assistant: Any) -> dict[str, Any]:
    """One task's conversation on a copy of the record: what was said, and what was done."""
    from assistant.dialogue import Session

    customer = Customer(task["user_scenario"]["instructions"]).turns()
    said: list[tuple[str, str]] = []
    done: list[shop.Call] = []
    visitor, conversation, message = Session("visitor"), None, next(customer)
    for _ in range(MOST_TURNS):
        turn = assistant.ask(message, session=visitor, conversation_id=conversation)
        conversation = turn.conversation_id
        said.append((message, turn.answer))
        for tool in turn.tools:
            call = shop.as_call(tool.name, tool.arguments)
            done += [call] if call else []
        if turn.outcome == "handed_off":
            done.append(("transfer_to_human_agents", {}))
            break
        try:
            message = customer.send(turn.answer)
        except StopIteration:
            break
    state = (assistant.store.conversation(conversation) or {}).get("state") or {}
    if not state.get("proved"):
        left = "nothing done: not identified"
    elif (state.get("pending") or {}).get("need") or "didn't understand" in said[-1][1]:
        question = str((state.get("pending") or {}).get("need") or _asked_last(said)).split()
        left = f"nothing done: left at a question ({question[0] if question else 'other'})"
    else:
        left = "nothing done: refused" if turn.outcome == "refused" else "nothing done: not read as a wish"
    return {"said": said, "calls": done, "left": left}


def _asked_last(said: Sequence[tuple[str, str]]) -> str:
    """What the last question was about."""
    last = next((a for _, a in reversed(said) if a.rstrip().endswith("?")), "")
    kinds = (("which", "Which"), ("reason", "reason"), ("instead", "instead"), ("address", "address"))
    return next((kind for kind, word in kinds if word in last), "other")


def expected_calls(task: Mapping[str, Any]) -> tuple[list[shop.Call], set[str]]:
    writes: list[shop.Call] = []
    reads: set[str] = set()
    for action in task["evaluation_criteria"]["actions"]:
        call = (action["name"], action["arguments"])
        if action["name"] in shop.WRITES:
            writes.append(call)
        elif action["name"].startswith("get_"):
            reads.add(shop.normal(call))
    return writes, reads


def compare(
    task: Mapping[str, Any], played: Mapping[str, Any], seen: set[str], db: Any, store: Any
) -> dict[str, Any]:
    """Whether it is exactly what was expected, and if not, in what it differs."""
    wanted, reads = expected_calls(task)
    done = played["calls"]
    want, have = Counter(map(shop.normal, wanted)), Counter(map(shop.normal, done))
    expected = shop.apply(db, wanted)
    touched = {told["order_id"] for _, told in done if told.get("order_id")}
    owners = {row["customer_id"] for id in touched if (row := store.order(id))}
    owners |= {told["user_id"] for _, told in done if told.get("user_id")}
    orders, users = touched | expected["orders"].keys(), owners | expected["users"].keys()
    untouched = {
        "orders": {id: shop._order_state(db["orders"][id]) for id in orders},
        "users": {
            id: shop._user_state(db["users"][id]["address"], db["users"][id]["payment_methods"].values())
            for id in users
        },
    }
    want_state = {k: untouched[k] | expected[k] for k in untouched}
    same_state = shop.state_of(store, sorted(orders), sorted(users)) == want_state
    exact = want == have
    missing, extra = want - have, have - want
    if exact:
        why = "" if same_state else "same calls, other record"
    elif not done:
        why = played["left"]
    elif {c.split()[0] for c in missing} & {c.split()[0] for c in extra}:
        why = "right tool, other arguments"
    elif missing and not extra:
        why = "part of it missing"
    elif extra and not missing:
        why = "something done that was not wanted"
    else:
        why = "another tool"
    return {
        "task": task["id"],
        "half": half(task["id"]),
        "kind": "+".join(sorted({name for name, _ in wanted})) or "nothing to do",
        "writes": exact and same_state,
        "calls": exact,
        "strict": exact and same_state and seen == reads,
        "reads_covered": reads <= seen,
        "why": why,
        "missing": list(missing.elements()),
        "extra": list(extra.elements()),
    }


def build(db: Mapping[str, Any], home: Path, model: str | None) -> Any:
    from assistant.crm import Store
    from assistant.dialogue import Assistant
    from assistant.settings import Settings

    kb = home / "kb"
    kb.mkdir()
    rules = Path(__file__).with_name("tau2_policy.yaml").read_text(encoding="utf-8")
    (kb / "policy.yaml").write_text(rules, encoding="utf-8")
    settings = Settings(home=home, kb=kb, company_name="the shop", chat_model=model or "default")
    store = Store(settings.record_path)
    started = time.perf_counter()
    counts = shop.import_shop(db, store)
    print(f"imported {counts} in {time.perf_counter() - started:.1f} s", flush=True)
    return Assistant(settings, store=store, model=None if model else Silent())


def table(results: Sequence[Mapping[str, Any]]) -> str:
    def line(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
        counts = [sum(bool(r[k]) for r in rows) for k in ("writes", "calls", "strict", "reads_covered")]
        return f"{name[:78]:<78} {len(rows):>4} " + " ".join(f"{c:>7}" for c in counts)

    lines = [f"{'':<78} {'of':>4}  writes   calls  strict  covered"]
    for kind in sorted({r["kind"] for r in results}):
        short = kind.replace("_delivered_order", "").replace("_pending_order", "")
        lines.append(line(short, [r for r in results if r["kind"] == kind]))
    for name in ("open", "held"):
        lines.append(line(f"half: {name}", [r for r in results if r["half"] == name]))
    lines.append(line("all", results))
    lines.append(line("all that have something to do", [r for r in results if r["kind"] != "nothing to do"]))
    for why, number in Counter(r["why"] for r in results if r["why"]).most_common():
        lines.append(f"  {number:>3} x {why}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder with db.json and tasks_train.json"
    )
    parser.add_argument("--half", choices=["open", "held"], help="only this half")
    parser.add_argument("--tasks", nargs="*", help="only these tasks")
    parser.add_argument(
        "--show", action="store_true", help="print conversations and differences of the open half"
    )
    parser.add_argument("--model", help="a chat model: default, small, an id or a folder")
    parser.add_argument(
        "--out", type=Path, help="one line of JSON per task; tasks it holds already are not played again"
    )
    asked = parser.parse_args()
    db = shop.read_shop(asked.data)
    tasks = json.loads((asked.data / "tasks_train.json").read_text(encoding="utf-8"))
    tasks = [t for t in tasks if not asked.half or half(t["id"]) == asked.half]
    tasks = [t for t in tasks if not asked.tasks or t["id"] in asked.tasks]
    results: list[dict[str, Any]] = []
    if asked.out and asked.out.is_file():
        results = [json.loads(line) for line in asked.out.read_text(encoding="utf-8").splitlines()]
    known = {r["task"] for r in results}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        assistant = build(db, Path(folder), asked.model)
        for task in tasks:
            if task["id"] in known:
                continue
            with tempfile.TemporaryDirectory() as copy, assistant.over_copy(Path(copy)) as own:
                with watched(own.store) as seen:
                    played = play(task, own)
                found = compare(task, played, set(seen), db, own.store)
            results.append(found)
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found) + "\n")
            if asked.show and found["half"] == "open":
                print(f"\n===== {task['id']} {'RIGHT' if found['writes'] else found['why']}")
                for message, answer in played["said"]:
                    print(f"  > {message}\n  < {answer.replace(chr(10), chr(10) + '    ')}")
                for sign, calls in (("missing", found["missing"]), ("extra", found["extra"])):
                    for call in calls:
                        print(f"  {sign}: {call}")
    print(table(results))
    summary: dict[str, Any] = {"tasks": len(results), "seconds": round(time.perf_counter() - started, 1)}
    for name, rows in (
        ("all", results),
        *((h, [r for r in results if r["half"] == h]) for h in ("open", "held")),
    ):
        summary[name] = {"of": len(rows)} | {k: sum(r[k] for r in rows) for k in ("writes", "strict")}
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
