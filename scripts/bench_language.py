#!/usr/bin/env python
"""How fast and how faithful the local chat model is here; ends in one line of JSON.

    python scripts/bench_language.py [--model small] [--repeats 5] [--threads 2] [--skip bf16,grammar] [--gguf FILE]

In one process, one after the other, medians of ``--repeats``: load, a cold and a warm answer, a typical turn and eight
at once, the same turn through llama.cpp, the answers through transformers' own bf16 path, masks of llguidance beside xgrammar (where that is installed), and the perplexity of
the texts below with the fast matrices against bf16. Other work on the machine spoils the figures: the load average
is part of the result.
"""

import argparse
import itertools
import json
import os
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any, Literal

ENGLISH = """The grinder arrived on Tuesday, two days later than promised, in a box that had been opened and taped
again. Inside, the hopper was fine but the drawer had a crack along the left side. I called the shop, where a patient
woman looked up the order and asked for a photograph; an hour later she had sent a new drawer and a small bag of beans
as an apology. What I did not expect was that the replacement came with a handwritten note explaining how to calibrate
the burrs after a long journey. The first cup was too coarse, sour and thin. The third was very good. When the monthly
delivery is due I get a message three days ahead and can skip it with one tap, which I did while we were away in July.
My only complaint is that the invoice still carries my old address although I changed it twice on the account page."""
CHINESE = """磨豆机星期二才送到，比约定晚了两天，外面的箱子好像被人打开过，又重新贴上了胶带。里面的豆仓没有问题，但是抽屉左边裂了一道缝。
我给店里打了电话，一位很有耐心的女士查了订单，请我拍一张照片。一个小时之后她就寄出了新的抽屉，还送了一小包咖啡豆表示歉意。
没想到包裹里还有一张手写的卡片，告诉我长途运输以后应该怎样重新调整刀盘。第一杯太粗，又酸又淡，第三杯已经很好喝了。
每个月发货前三天我会收到提醒，点一下就可以跳过，七月我们出门旅行的时候就跳过了一次。唯一的不满是发票上还是旧地址，我已经在账户页面改过两次了。"""
EVIDENCE = """[1] Returns are accepted within 30 days of delivery, unused and in the original box.
[2] The return label costs 3.90 EUR unless the product is faulty; then it is free.
[3] The refund is paid within 5 working days after the parcel has arrived."""
RULES = "You are the assistant of a coffee company. Answer from the evidence only and cite it as [1]. " * 8


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--model", default="default")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--threads", type=int, default=0)
    options.add_argument("--skip", default="", help="comma-separated: bf16, grammar, perplexity, chats")
    options.add_argument("--gguf", default="", help="this file in llama.cpp (package xllamacpp) as the peer")
    given = options.parse_args()
    skip = set(given.skip.split(","))

    from assistant.language.chat import open_chat_model
    from assistant.language.weights import ensure
    from assistant.settings import Settings

    settings = Settings(chat_model=given.model, threads=given.threads, answer_tokens=80)
    folder = ensure(settings)
    import torch

    if given.threads:
        torch.set_num_threads(given.threads)
    started = time.perf_counter()
    chat = open_chat_model(folder, settings)
    result: dict[str, Any] = {
        "model": folder.name,
        "runner": type(chat._engine.runner).__name__,
        "threads": torch.get_num_threads(),
        "load_s": round(time.perf_counter() - started, 2),
        "answer": answers(chat, given.repeats),
    }
    from langchain_core.messages import BaseMessage

    def ours(messages: list[BaseMessage], limit: int) -> dict[str, float]:
        timing = chat.invoke(messages, max_tokens=limit).response_metadata["timing"]
        return {name: timing[name] for name in ("first_token_s", "total_s", "answer_tokens", "prompt_tokens")}

    result["turn"] = turns(ours, given.repeats)
    if "chats" not in skip:
        result["chats"] = chats(ours)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if given.gguf:
        result["llama.cpp"] = {"turn": turns(llama_cpp(given.gguf, torch.get_num_threads()), given.repeats)}
        theirs, mine = result["llama.cpp"]["turn"], result["turn"]
        result["of_llama.cpp"] = {
            "turn": round(mine["total_s"] / theirs["total_s"], 2),
            "answer_per_s": round(mine["answer_per_s"] / theirs["answer_per_s"], 2),
        }
    if "grammar" not in skip:
        result["grammar"] = grammars(chat)
    if "perplexity" not in skip or "bf16" not in skip:
        from assistant.language.engine import TransformersRunner, load_model

        full = TransformersRunner(load_model(folder))
        if "bf16" not in skip:
            fast, chat._engine.runner = chat._engine.runner, full
            chat._engine.forget()
            result["transformers"] = answers(chat, given.repeats)
            chat._engine.runner = fast
        if "perplexity" not in skip:
            result["perplexity"] = perplexities(chat, full)
    result["load_average"] = round(os.getloadavg()[0], 1)
    print(json.dumps(result))


def answers(chat: Any, repeats: int) -> dict[str, float]:
    """Tokens per second and seconds to the first token: nothing cached, and the instructions cached."""
    from langchain_core.messages import HumanMessage, SystemMessage

    rows: dict[str, list[float]] = {"prompt_per_s": [], "first_warm_s": [], "answer_per_s": []}
    for number in range(repeats):
        question = HumanMessage(
            f"{EVIDENCE}\n\nQuestion {number}: how do I send back a grinder, what does it cost?"
        )
        chat._engine.forget()
        cold = chat.invoke([SystemMessage(RULES), question]).response_metadata["timing"]
        rows["prompt_per_s"].append(cold["prompt_tokens"] / cold["first_token_s"])
        other = HumanMessage(f"{EVIDENCE}\n\nAnother question, {number}: when is the money of a return paid?")
        warm = chat.invoke([SystemMessage(RULES), other]).response_metadata["timing"]
        rows["first_warm_s"].append(warm["first_token_s"])
        for timing in (cold, warm):
            if timing["answer_tokens"] > 1:
                spent = timing["total_s"] - timing["first_token_s"]
                rows["answer_per_s"].append((timing["answer_tokens"] - 1) / spent)
    return {name: round(statistics.median(values), 3) for name, values in rows.items()}


def turns(ask: Any, repeats: int) -> dict[str, float]:
    """A typical turn of an agent, warm: about 400 prompt tokens of which 250 are constant, up to 80 answer tokens."""
    rows: list[dict[str, float]] = []
    for number in range(repeats + 1):
        rows.append(ask(turn_messages(number), 80))
    rows = rows[1:]  # the first one fills the caches
    found = {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}
    found["answer_per_s"] = round(
        statistics.median((r["answer_tokens"] - 1) / (r["total_s"] - r["first_token_s"]) for r in rows), 2
    )
    return found


def turn_messages(number: int) -> list[Any]:
    from langchain_core.messages import HumanMessage, SystemMessage

    orders = "\n".join(
        f"[{n + 4}] Order LO-10{number}{n}41 of 2026-0{n + 1}-1{number % 10}: 2 x Sidamo Sunrise 250 g, 23.80 EUR, delivered."
        for n in range(3)
    )
    question = (
        f"How does customer C-1{number:03} send back a grinder, what does it cost, and what was ordered last?"
    )
    return [SystemMessage(RULES * 2), HumanMessage(f"{EVIDENCE}\n{orders}\n\nQuestion: {question}")]


def chats(ask: Any, many: int = 8, limit: int = 60) -> dict[str, float]:
    """So many conversations at once, beside one: answer tokens per second in all, and seconds to the first token."""
    from concurrent.futures import ThreadPoolExecutor

    def run(people: int) -> tuple[float, list[dict[str, float]]]:
        started = time.perf_counter()
        with ThreadPoolExecutor(people) as pool:
            found = list(pool.map(lambda n: ask(turn_messages(10 * people + n), limit), range(people)))
        return time.perf_counter() - started, found

    alone_s, alone = run(1)
    spent_s, rows = run(many)
    decoding = max(r["total_s"] for r in rows) - statistics.median(r["first_token_s"] for r in rows)
    one = (alone[0]["answer_tokens"] - 1) / (alone[0]["total_s"] - alone[0]["first_token_s"])
    total = sum(r["answer_tokens"] for r in rows)
    first = sorted(r["first_token_s"] for r in rows)
    return {
        "chats": many,
        "one_answer_per_s": round(one, 2),
        "all_answer_per_s": round((total - many) / decoding, 2),
        "gain_whole_turns": round((total / spent_s) / (alone[0]["answer_tokens"] / alone_s), 2),
        "first_token_p95_s": round(first[min(len(first) - 1, int(0.95 * len(first)))], 2),
    }


def llama_cpp(gguf: str, threads: int) -> Any:
    """The same turn through llama.cpp, with its own cache of the prompt's beginning."""
    import xllamacpp
    from langchain_core.messages import convert_to_openai_messages

    params = xllamacpp.CommonParams()
    params.model.path = gguf
    params.n_ctx, params.n_parallel = 4096, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)

    def ask(messages: list[Any], limit: int) -> dict[str, float]:
        started = time.perf_counter()
        answer = server.handle_chat_completions(
            {"messages": convert_to_openai_messages(messages), "max_tokens": limit, "temperature": 0}
        )
        total = time.perf_counter() - started
        timing = answer["timings"]
        return {
            "first_token_s": total - timing["predicted_ms"] / 1000,
            "total_s": total,
            "answer_tokens": timing["predicted_n"],
            "prompt_tokens": answer["usage"]["prompt_tokens"],
        }

    return ask


def grammars(chat: Any) -> dict[str, dict[str, float]]:
    """Seconds until the first mask (tokenizer and grammar) and milliseconds per mask along one answer."""
    from pydantic import BaseModel

    class Slots(BaseModel):
        topic: Literal["orders", "returns", "subscription", "product", "other"]
        product: str
        customer: str
        days: int

    tokenizer, size = chat._writer.tokenizer, chat._engine.runner.vocab_size
    text = '{"topic":"returns","product":"Piccolo G2 grinder","customer":"C-1042","days":14}'
    ids = tokenizer.encode(text, add_special_tokens=False)
    schema = json.dumps(Slots.model_json_schema())
    found: dict[str, dict[str, float]] = {}

    def measure(name: str, first: Callable[[], tuple[Callable[[], Any], Callable[[int], Any]]]) -> None:
        started = time.perf_counter()
        mask, take = first()
        mask()
        ready = time.perf_counter() - started
        masks = []
        for token in ids:
            started = time.perf_counter()
            mask()
            masks.append(time.perf_counter() - started)
            if not take(token):
                break
        found[name] = {"first_s": round(ready, 3), "mask_ms": round(1000 * statistics.median(masks), 3)}

    def llguidance() -> tuple[Callable[[], Any], Callable[[int], Any]]:
        from assistant.language.constrain import JsonGuide

        matcher = JsonGuide(tokenizer, size).constraint(Slots)._matcher
        return matcher.compute_bitmask, matcher.consume_token

    def xgrammar() -> tuple[Callable[[], Any], Callable[[int], Any]]:
        import xgrammar as xgr

        info = xgr.TokenizerInfo.from_huggingface(tokenizer, vocab_size=size)
        compiled = xgr.GrammarCompiler(info).compile_json_schema(schema, any_whitespace=False)
        matcher, bits = xgr.GrammarMatcher(compiled), xgr.allocate_token_bitmask(1, size)
        return lambda: matcher.fill_next_token_bitmask(bits), matcher.accept_token

    measure("llguidance", llguidance)
    try:
        measure("xgrammar", xgrammar)
    except ImportError:
        found["xgrammar"] = {}
    return found


def perplexities(chat: Any, full: Any) -> dict[str, dict[str, float]]:
    """Perplexity of each text fed token by token through the answer path, and in transformers' own bf16."""
    import math

    import torch

    found: dict[str, dict[str, float]] = {}
    for name, text in (("english", ENGLISH), ("chinese", CHINESE)):
        ids = chat._writer.tokenizer.encode(text, add_special_tokens=False)
        found[name] = {"tokens": len(ids)}
        for runner_name, runner in (("fast", chat._engine.runner), ("bf16", full)):
            cache, loss = runner.new(), 0.0
            for token, following in itertools.pairwise(ids):
                loss -= float(torch.log_softmax(runner.forward(cache, [token])[0], 0)[following])
            found[name][runner_name] = round(math.exp(loss / (len(ids) - 1)), 4)
    return found


if __name__ == "__main__":
    main()
