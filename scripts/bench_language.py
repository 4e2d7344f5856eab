#!/usr/bin/env python
"""How fast and how faithful the local chat model is here; ends in one line of JSON.

    python scripts/bench_language.py [--model small] [--repeats 5] [--threads 2] [--skip bf16,grammar] [--gguf FILE]

In one process, one after the other, medians of ``--repeats``: load, a cold and a warm answer, a typical turn, eight
conversations at once, the same turn through llama.cpp, OpenVINO and transformers' own ``generate``, masks of
llguidance beside xgrammar (where that is installed), and the perplexity of the demo company's articles with the fast
matrices against bf16 (three minutes). Other work on the machine spoils the figures: the load average
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
from pathlib import Path
from typing import Any, Literal

EVIDENCE = """[1] Returns are accepted within 30 days of delivery, unused and in the original box.
[2] The return label costs 3.90 EUR unless the product is faulty; then it is free.
[3] The refund is paid within 5 working days after the parcel has arrived."""
RULES = "You are the assistant of a coffee company. Answer from the evidence only and cite it as [1]. " * 12


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--model", default="default")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--threads", type=int, default=0)
    options.add_argument("--skip", default="", help="comma-separated: bf16, grammar, perplexity, chats")
    options.add_argument(
        "--gguf",
        default="",
        help="this file in llama.cpp and OpenVINO as peers (packages xllamacpp, openvino-genai)",
    )
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
        result["chats"] = chats(chat)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if given.gguf:
        threads = torch.get_num_threads()
        for name, peer in (("llama.cpp", llama_cpp), ("openvino", openvino)):
            try:
                theirs = turns(peer(given.gguf, threads, chat._writer.tokenizer), given.repeats)
            except ImportError as error:
                print(f"{name} is left out: {error}")
                continue
            result[name] = beside(result["turn"], theirs)
    if "grammar" not in skip:
        result["grammar"] = grammars(chat)
    if "perplexity" not in skip or "bf16" not in skip:
        from assistant.language.engine import TransformersRunner, load_model

        full = load_model(folder)
        if "bf16" not in skip:
            theirs = turns(generate(full, chat._writer.tokenizer), given.repeats)
            result["transformers"] = beside(result["turn"], theirs)
            if full.device.type != "cpu":
                result["transformers"]["chats_per_s"] = generated_together(full, chat._writer.tokenizer)
        if "perplexity" not in skip:
            result["perplexity"] = perplexities(chat, TransformersRunner(full))
    if torch.cuda.is_available():
        result["gpu"] = torch.cuda.get_device_name()
        result["peak_gpu_mb"] = torch.cuda.max_memory_allocated() // 2**20
    result["load_average"] = round(os.getloadavg()[0], 1)
    print(json.dumps(result))


def beside(mine: dict[str, float], theirs: dict[str, float]) -> dict[str, Any]:
    """A peer's turn, and ours over it: less is better for the whole turn, more for answer tokens per second."""
    return {
        "turn": theirs,
        "our_turn": round(mine["total_s"] / theirs["total_s"], 2),
        "our_answer_per_s": round(mine["answer_per_s"] / theirs["answer_per_s"], 2),
    }


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
    """A typical turn of an agent, warm: 410 prompt tokens of which 260 are constant, up to 80 answer tokens."""
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

    question = (
        f"How does customer C-1{number:03} send back a grinder, what does it cost, and what was ordered last?"
    )
    order = f"[4] Order LO-10{number:02}41 of 2026-01-1{number % 10}: 2 x Sidamo Sunrise 250 g, 23.80 EUR, delivered."
    return [SystemMessage(RULES), HumanMessage(f"{order}\n{EVIDENCE}\n\nQuestion: {question}")]


def chats(chat: Any, many: int = 8, limit: int = 160) -> dict[str, float]:
    """So many conversations at once, beside one: answer tokens per second while all are being answered, and seconds to
    the first word, the computing of all prompts included. What was copied by guessing counts for both."""
    from concurrent.futures import ThreadPoolExecutor

    from langchain_core.messages import HumanMessage

    count = chat.get_num_tokens

    def stream(number: int) -> list[tuple[float, int]]:
        """When each piece came (s) and how many tokens it has."""
        messages = turn_messages(number)
        messages[-1] = HumanMessage(
            f"{messages[-1].content} Explain every step in detail, in whole sentences."
        )
        found = []
        for piece in chat.stream(messages, max_tokens=limit):
            if piece.content:
                found.append((time.perf_counter(), count(piece.content)))
        return found

    def run(people: int) -> tuple[float, float, list[float]]:
        started = time.perf_counter()
        with ThreadPoolExecutor(people) as pool:
            rows = list(pool.map(stream, range(10 * people, 11 * people)))
        begin, end = max(row[0][0] for row in rows), min(row[-1][0] for row in rows)
        tokens = sum(n for row in rows for at, n in row if begin < at <= end)
        if end <= begin:
            raise SystemExit(f"one of the {people} answers had ended before another began: a longer limit")
        whole = sum(n for row in rows for _, n in row) / (max(row[-1][0] for row in rows) - started)
        return tokens / (end - begin), whole, sorted(row[0][0] - started for row in rows)

    run(1)
    one, one_whole, _ = run(1)
    together, whole, first = run(many)
    return {
        "chats": many,
        "one_answer_per_s": round(one, 2),
        "all_answer_per_s": round(together, 2),
        "gain": round(together / one, 2),
        "gain_whole_turns": round(whole / one_whole, 2),
        "first_word_p95_s": round(first[min(many - 1, int(0.95 * many))], 2),
    }


def generate(model: Any, tokenizer: Any) -> Any:
    """The same turn through transformers' own ``generate``, which computes each prompt as a whole."""
    import torch

    class First:
        at = 0.0
        pieces = 0

        def put(self, _: Any) -> None:
            self.pieces += 1
            if self.pieces == 2:  # the first is the prompt
                self.at = time.perf_counter()

        def end(self) -> None:
            pass

    def ask(messages: list[Any], limit: int) -> dict[str, float]:
        started, first = time.perf_counter(), First()
        ids = tokenizer([written(tokenizer, messages)], return_tensors="pt").to(model.device)
        with torch.inference_mode():
            found = model.generate(**ids, max_new_tokens=limit, do_sample=False, streamer=first)
        return {
            "first_token_s": first.at - started,
            "total_s": time.perf_counter() - started,
            "answer_tokens": found.shape[1] - ids["input_ids"].shape[1],
            "prompt_tokens": ids["input_ids"].shape[1],
        }

    return ask


def generated_together(model: Any, tokenizer: Any, many: int = 8, limit: int = 160) -> float:
    """Answer tokens per second of so many turns in one padded batch of ``generate``, the second of two."""
    import torch

    tokenizer.padding_side = "left"
    texts = [written(tokenizer, turn_messages(number)) for number in range(many)]
    ids = tokenizer(texts, return_tensors="pt", padding=True).to(model.device)
    for _ in range(2):
        started = time.perf_counter()
        with torch.inference_mode():
            found = model.generate(**ids, max_new_tokens=limit, min_new_tokens=limit, do_sample=False)
        spent = time.perf_counter() - started
    return round(many * (found.shape[1] - ids["input_ids"].shape[1]) / spent, 1)


def written(tokenizer: Any, messages: list[Any]) -> str:
    """The prompt as the model reads it."""
    from langchain_core.messages import convert_to_openai_messages

    prompt: str = tokenizer.apply_chat_template(
        convert_to_openai_messages(messages), tokenize=False, add_generation_prompt=True
    )
    return prompt


def llama_cpp(gguf: str, threads: int, _: Any) -> Any:
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


def openvino(gguf: str, threads: int, tokenizer: Any) -> Any:
    """The same turn through OpenVINO GenAI, which reads the same file."""
    import openvino_genai

    pipeline = openvino_genai.LLMPipeline(gguf, "CPU", INFERENCE_NUM_THREADS=threads)

    def ask(messages: list[Any], limit: int) -> dict[str, float]:
        config = openvino_genai.GenerationConfig(max_new_tokens=limit, apply_chat_template=False)
        prompt = written(tokenizer, messages)
        started = time.perf_counter()
        metrics = pipeline.generate([prompt], config).perf_metrics
        return {
            "first_token_s": metrics.get_ttft().mean / 1000,
            "total_s": time.perf_counter() - started,
            "answer_tokens": metrics.get_num_generated_tokens(),
            "prompt_tokens": metrics.get_num_input_tokens(),
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


def perplexities(
    chat: Any, full: Any, few_windows: int = 4, window: int = 256
) -> dict[str, dict[str, float]]:
    """Perplexity of 20 kB of the demo company's articles in each language, in windows: in transformers' own bf16, by
    the road of prompts (int8, all rows at once) and, for the first windows, by that of answers (int4, four at once)."""
    import math

    import torch

    def losses(runner: Any, ids: list[int], rows: int) -> list[float]:
        cache, found = runner.new(), []
        for start in range(0, len(ids), rows):
            piece = ids[start : start + rows]
            logits = runner.forward(cache, piece, len(piece))
            following = ids[start + 1 : start + 1 + len(piece)]
            kept = torch.log_softmax(logits[: len(following)], 1)
            found += (-kept[torch.arange(len(following)), torch.tensor(following, dtype=torch.long)]).tolist()
        return found

    found: dict[str, dict[str, float]] = {}
    fast = chat._engine.runner
    for language in ("en", "zh"):
        ids = chat._writer.tokenizer.encode(articles(language), add_special_tokens=False)
        windows = [ids[start : start + window] for start in range(0, len(ids), window)]
        bf16 = [losses(full, part, window) for part in windows]
        many = [losses(fast, part, window) for part in windows]
        few = [losses(fast, part, 4) for part in windows[:few_windows]]

        def perplexity(parts: list[list[float]]) -> float:
            return math.exp(statistics.fmean(itertools.chain(*parts)))

        found[language] = {
            "tokens": len(ids),
            "bf16": round(perplexity(bf16), 3),
            "prompts": round(perplexity(many) / perplexity(bf16), 4),
            "answers": round(perplexity(few) / perplexity(bf16[:few_windows]), 4),
            "tokens_of_answers": sum(len(part) for part in few),
        }
    return found


def articles(language: str, size: int = 20_000) -> str:
    """The first 20 kB of the demo company's articles of a language."""
    kb = Path(__file__).resolve().parent.parent / "kb"
    texts = [path.read_text() for path in sorted(kb.rglob("*.md"))]
    chosen = "\n\n".join(text for text in texts if (f"language: {language}" in text[:400]))
    return chosen.encode()[:size].decode(errors="ignore")


if __name__ == "__main__":
    main()
