"""Names of segments: proposed by a chat model from the profile, checked by code, kept when the segments are found anew.

A name that fails a check is asked for once more with the reason; after that the name by rule stays.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from assistant.errors import ModelError
from assistant.insight.registry import Progress, history, load_model, save_model
from assistant.insight.segments import Segment, SegmentModel
from assistant.settings import data_folder

LONGEST_EN, MOST_WORDS = 40, 5
SHORTEST_ZH, LONGEST_ZH = 2, 12
SAME = 0.5  # share of customers in both (of those in either) from which a segment is the same as before
TRIES = 2

_SAID_BEFORE = re.compile(
    r"^\s*(?:[-*#>]+\s*)?(?:(?:the\s+)?(?:group\s+|segment\s+)?name\s*(?:is)?|名字|名称)\s*[:：]\s*", re.I
)
_AROUND = " \t\"'`*_“”‘’「」『』《》。.,，!！:：;；"
_NUMBER = re.compile(
    r"\d|%|％|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|percent)\b(?!-)|[一二三四五六七八九十百千两]+(?:个|单|次(?!性)|天|年|月|元|成)",
    re.I,
)
_SAYS_NOTHING = {"a", "the", "of", "and", "our", "all", "customer", "customers", "client", "clients", "group", "segment", "average", "shop", "name"}  # fmt: skip
_SAYS_NOTHING_ZH = re.compile(r"^(?:客户|顾客|群体?|分组|类别|名字|的|这|该|普通)+$")
# words that claim a side of a feature: one whose group lies on the other side would mislead
_CLAIMS: tuple[tuple[str, int, str], ...] = (
    ("spend_12m", 1, r"\b(?:high|big|heavy|top|premium|valuable|best)[- ](?:spend|value|budget)\w*|高消费|高价值|大客户"),
    ("spend_12m", -1, r"\b(?:low|small|little)[- ](?:spend|value|budget)\w*|低消费|低价值"),
    ("orders_12m", 1, r"\b(?:frequent|regular|loyal|constant|heavy)\b|高频|忠实|常客|频繁"),
    ("orders_12m", -1, r"\b(?:rare|occasional|infrequent|one-time|seldom)\b|低频|偶尔|一次性|很少"),
    ("days_since_order", -1, r"\b(?:active|recent)\b|活跃|近期"),
    ("days_since_order", 1, r"\b(?:dormant|sleeping|lapsed|inactive|lost|gone)\b|沉睡|流失|久未|不活跃"),
    ("tenure_days", 1, r"\b(?:long-?(?:term|time|standing)|veteran|old)\b|老客|长期"),
    ("tenure_days", -1, r"\b(?:new|newcomers?|fresh)\b|新客|新近"),
    ("order_value", 1, r"\b(?:big|large)[- ](?:basket|order|ticket)\w*|大单"),
    ("order_value", -1, r"\b(?:small|little)[- ](?:basket|order|ticket)\w*|小单"),
    ("subscribed", 1, r"\bsubscri\w+|订阅"),
    ("unhappy_12m", 1, r"\b(?:unhappy|troubled|complain\w*|dissatisfied)\b|不满|投诉"),
)  # fmt: skip
_DENIED = re.compile(r"\b(?:non|not|no|without)(?:[- ]an?)?[- ]$|[无没非未]有?$", re.I)


@dataclass(frozen=True)
class Proposal:
    """Names for one segment. ``problems`` says why a language kept the name it has."""

    segment: int
    customers: int
    profile_en: str
    profile_zh: str
    now_en: str
    now_zh: str
    name_en: str
    name_zh: str
    problems: tuple[str, ...] = ()


def name_problem(name: str, segment: Segment, taken: Sequence[str], *, zh: bool = False) -> str:
    """What is wrong with a name for ``segment``; empty when nothing is. ``taken`` are the other segments' names."""
    if zh:
        if not SHORTEST_ZH <= len(name) <= LONGEST_ZH or not re.search(r"[\u3400-\u9fff]{2}", name):
            return f"not {SHORTEST_ZH} to {LONGEST_ZH} Chinese characters"
        if re.search(r"[^\w·与和及、-]", name):
            return "more than a name"
        if _SAYS_NOTHING_ZH.match(name):
            return "says nothing"
    else:
        words = re.findall(r"[A-Za-zÀ-ÿ'’-]+", name)
        if not 1 <= len(words) <= MOST_WORDS or len(name) > LONGEST_EN:
            return f"not 1 to {MOST_WORDS} words"
        if re.search(r"[^A-Za-zÀ-ÿ0-9%'’& -]", name):
            return "more than a name"
        if all(word.lower() in _SAYS_NOTHING for word in words):
            return "says nothing"
    if _NUMBER.search(name):
        return "holds a number"
    if name.lower() in {other.lower() for other in taken}:
        return "is another segment's name"
    for column, side, pattern in _CLAIMS:
        found = re.search(pattern, name, re.I)
        if not found or column not in segment.means:
            continue
        claimed = -side if _DENIED.search(name[: found.start()]) else side
        if claimed * (segment.means[column] - segment.everybody[column]) < 0:
            return f"{found[0]!r} is the opposite of the profile"
    return ""


def propose_names(home: Path, model: Any, *, progress: Progress | None = None) -> list[Proposal]:
    """Names for the segments in place, by a LangChain chat model. Nothing is saved; a name that fails twice stays."""
    segments: list[Segment] = load_model(home, SegmentModel.name).segments_
    taken: dict[bool, dict[int, str]] = {
        zh: {s.segment: s.name_zh if zh else s.name_en for s in segments} for zh in (False, True)
    }
    found = []
    for done, s in enumerate(segments):
        if progress:
            progress("name segments", done, len(segments))
        names: dict[bool, str] = {}
        problems = []
        for zh in (False, True):
            others = [name for number, name in taken[zh].items() if number != s.segment]
            name, problem = _ask(model, s, others, zh)
            if problem:
                problems.append(f"{'Chinese' if zh else 'English'}: {problem}")
            names[zh] = taken[zh][s.segment] = name or taken[zh][s.segment]
        found.append(
            Proposal(
                s.segment, s.customers, s.profile_en, s.profile_zh, s.name_en, s.name_zh, names[False], names[True],
                tuple(problems),
            )
        )  # fmt: skip
    if progress:
        progress("name segments", len(segments), len(segments))
    return found


def _ask(model: Any, segment: Segment, others: Sequence[str], zh: bool) -> tuple[str, str]:
    """A good name and no problem, or no name and the last problem."""
    told = (data_folder("prompts") / f"segment.{'zh' if zh else 'en'}.j2").read_text(encoding="utf-8").strip()
    profile = segment.profile_zh if zh else segment.profile_en
    asked = f"特点：{profile}\n名字：" if zh else f"Profile: {profile}\nName:"
    name = problem = ""
    for _ in range(TRIES):
        again = ""
        if problem:
            again = (
                f"\n（不能用“{name}”，换一个名字。）"
                if zh
                else f"\n(Not {name!r}: it is no good. Another name.)"
            )
        name = _first_name(str(model.invoke([("system", told), ("human", asked + again)]).content))
        if not zh:
            name = name[:1].upper() + name[1:]
        problem = name_problem(name, segment, others, zh=zh)
        if not problem:
            return name, ""
        problem = f"{name[:60]!r} {problem}"
    return "", problem


def _first_name(text: str) -> str:
    """The name in a model's answer: its first line that holds anything, without what stands around a name."""
    line = next((line for line in text.splitlines() if line.strip(_AROUND)), "")
    return _SAID_BEFORE.sub("", line).strip(_AROUND)


def rename_segments(home: Path, names: Mapping[int, tuple[str, str]]) -> str:
    """Rename segments of the model in place to (English, Chinese), saved as a new version (so it can be rolled back).

    Returns the version. Raises :class:`ModelError` for a segment that isn't there or an empty or taken name.
    """
    model = copy.deepcopy(load_model(home, SegmentModel.name))
    saved = next(v for v in history(home, SegmentModel.name) if v.current)
    model.rename_all(names)
    # what is known of the training stays: the same model on the same record, under other names
    report = {k: v for k, v in saved.report.items() if k != "comparison"}
    report |= {"segments": [vars(s) for s in model.segments_], "renamed": sorted(names)}
    return save_model(
        home, model.name, model, metrics=saved.metrics, features=saved.features, data_hash=saved.data_hash,
        report=report, force=True,
    )  # fmt: skip


def keep_names(model: SegmentModel, before: SegmentModel) -> list[str]:
    """Give segments the names that somebody gave to those of the same customers in ``before``; the names kept."""
    named = getattr(before, "named_", {})
    if not named:
        return []
    both = pd.merge(
        before.picture_, model.picture_, on="customer_id", suffixes=("_then", "_now"), how="outer"
    )
    kept = {}
    for then, names in named.items():
        was = both["segment_then"] == then
        for s in model.segments_:
            now = both["segment_now"] == s.segment
            if (was & now).sum() > SAME * (was | now).sum():
                kept[s.segment] = tuple(names)
    try:
        model.rename_all(kept)
    except ModelError:  # one of them is by now what the rule calls another segment
        return []
    return [en for en, _ in kept.values()]
