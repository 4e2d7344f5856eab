"""What the columns of any table are: numbers, categories, dates, ids, texts, the answer itself in disguise.

Nothing here needs an option: decimal comma, words for "missing" and date order are
guessed from the values, and everything that is left out is named with its reason.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from assistant.crm.cleaning import parse_moment
from assistant.crm.reading import open_table
from assistant.errors import ModelError
from assistant.insight.scoring import promising

Role = Literal["number", "category", "date", "id", "text", "constant", "same"]
MISSING_WORDS = frozenset(
    (
        "", "na", "n/a", "nan", "null", "<na>", "nat", "?", "-", "--", "#n/a", "missing", "缺失",
        # what spreadsheets and programs write where a calculation failed
        "inf", "-inf", "+inf", "infinity", "-infinity", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!",
    )
)  # fmt: skip
LARGEST = 1e30  # a number beyond it is a mistake, and the models count in single precision
POSITIVE_WORDS = (
    "1", "yes", "y", "true", "t", "churned", "churn", "left", "lost", "leaver", "bad", "default", "defaulted", "fraud",
    "positive", "cancelled", "canceled", "closed", "exited", "attrited customer", "是", "流失", "已流失", "坏", "违约",
)  # fmt: skip
NEGATIVE_WORDS = (
    "0", "no", "n", "false", "f", "-1", "stayed", "active", "retained", "good", "paid", "negative", "existing",
    "existing customer", "否", "未流失", "好", "正常",
)  # fmt: skip
SENSITIVE_NAMES = re.compile(
    r"gender|(^|_)sex($|_)|race|ethnic|religion|nationality|foreign|disab|marital|(^|_)age($|_)|senior"
    r"|性别|民族|宗教|国籍|婚姻|年龄",
    re.I,
)
_ID_NAME = re.compile(
    r"(^|[_\s-])(id|uuid|guid|key|nr|no|number|code|email|e-mail|phone|mobile|iban|rownumber|index)$"
    r"|(?<=[a-z])(Id|ID|No|Number|Key)$|^(unnamed: \d+|name|surname|lastname|firstname|full[_ ]?name)$|编号|号码|姓名|邮箱|电话",
)
_AFTERWARDS_NAME = re.compile(
    r"(churn|cancel|terminat|exit|attrit|leav|left|clos|end|deactivat|refund|default|collection|write.?off|流失|取消|退订)"
    r".{0,12}(date|day|on$|at$|time|reason|code|type|comment|note|categor|score|label|value|survey|status|日期|原因)",
    re.I,
)
_NUMBER = re.compile(r"[-+]?[\d.,'\s\u00a0]*\d[\d.,]*(?:[eE][-+]?\d+)?")
_SYMBOLS = re.compile(r"[€$£¥%\s\u00a0']|(?:^|\b)(?:EUR|USD|GBP|CNY|CHF|RMB)\b|元", re.I)


@dataclass(frozen=True)
class Column:
    """What one column is and how its values are read."""

    name: str
    role: Role
    reason: str = ""  # why it is left out, for ids, texts, constants
    decimal: str = "."
    day_first: bool = False
    origin: str | None = None  # a date's latest day in training: dates become days before it

    @property
    def used(self) -> bool:
        return self.role in ("number", "category", "date")

    @property
    def kind(self) -> str:
        """The column's kind for :class:`assistant.insight.scoring.Encoder`."""
        return "category" if self.role == "category" else "number"


def read_table(source: Path | str | pd.DataFrame) -> pd.DataFrame:
    """The whole of a CSV, TSV, JSON(L), Parquet or XLSX file, or a frame, with stripped column names.

    ``attrs["unreadable"]`` counts the rows that were left out since they can't be read.
    """
    parts = list(read_chunks(source, rows=250_000))
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs["unreadable"] = sum(part.attrs.get("unreadable", 0) for part in parts)
    return frame


def read_chunks(source: Path | str | pd.DataFrame, rows: int = 50_000) -> Iterator[pd.DataFrame]:
    """The same in parts of ``rows`` rows, so that memory stays flat; rows that can't be read are left out."""
    if isinstance(source, pd.DataFrame):
        frame = _tidy(source)
        yield from (frame.iloc[at : at + rows] for at in range(0, max(len(frame), 1), rows))
        return
    table = open_table(Path(source))
    names = list(table.columns)
    readable = table.rows()
    empty = True
    for part in iter(lambda: list(islice(readable, rows)), []):
        empty = False
        cells = [row.cells for row in part if not row.fault]
        frame = _tidy(pd.DataFrame.from_records(cells, columns=names))
        frame.attrs["unreadable"] = len(part) - len(cells)
        yield frame
    if empty:
        yield _tidy(pd.DataFrame(columns=names))


def count_rows(source: Path | str | pd.DataFrame) -> int | None:
    """About how many rows there are, where that is quick to find out (for a progress bar), else None."""
    if isinstance(source, pd.DataFrame):
        return len(source)
    table = open_table(Path(source))
    if table.format == "parquet":
        import pyarrow.parquet

        return int(pyarrow.parquet.read_metadata(table.path).num_rows)
    if table.format not in ("csv", "jsonl", "whitespace") or table.path.suffix == ".gz":
        return None
    with table.path.open("rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return max(0, lines - (table.format == "csv" and table.has_header))


def blanks(values: pd.Series) -> pd.Series:
    """True where a value is missing, by being absent or by saying so."""
    if _is_number(values):
        return values.isna() | values.isin([np.inf, -np.inf])
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return values.isna()
    return values.isna() | values.astype("string").str.strip().str.lower().isin(MISSING_WORDS).fillna(True)


def guess_columns(frame: pd.DataFrame, skip: Sequence[str] = ()) -> list[Column]:
    """The role of every column but those in ``skip``, in the table's order."""
    found: list[Column] = []
    seen: dict[int, list[str]] = {}
    for name in frame.columns:
        if name in skip:
            continue
        column = _guess(frame[name], str(name))
        if column.used:
            digest = hash(
                pd.util.hash_pandas_object(frame[name].astype(str), index=False).to_numpy().tobytes()
            )
            twin = next(
                (t for t in seen.get(digest, []) if frame[t].astype(str).equals(frame[name].astype(str))),
                None,
            )
            if twin is not None:
                column = replace(column, role="same", reason=f"the same values as {twin}")
            seen.setdefault(digest, []).append(str(name))
        found.append(column)
    return found


def prepare(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """The used columns as floats (numbers; dates as days before the latest day in training) and texts."""
    out: dict[str, Any] = {}
    for column in columns:
        if not column.used:
            continue
        values = frame[column.name]
        if column.role == "number":
            out[column.name] = to_numbers(values, column.decimal)
        elif column.role == "date":
            days = to_dates(values, column.day_first)
            out[column.name] = (pd.Timestamp(column.origin) - days).dt.total_seconds() / 86_400
        else:
            place, distinct = pd.factorize(values, use_na_sentinel=False)
            each = pd.Series(distinct)
            text = each if not _is_number(values) else each.map(lambda v: f"{v:g}", na_action="ignore")
            out[column.name] = text.astype(object).mask(blanks(each).to_numpy(), None).to_numpy()[place]
    return pd.DataFrame(out, index=frame.index)


def to_numbers(values: pd.Series, decimal: str = ".") -> pd.Series:
    """Floats; NaN for what is missing or isn't a number. Currency signs, percent and thousands marks are
    dropped."""
    if _is_number(values):
        numbers = values.astype(float)
        return numbers.where(numbers.abs() < LARGEST)
    if decimal == "." and (quick := _all_plain(values)) is not None:
        return quick
    text = values.astype("string")
    plain = pd.to_numeric(text.str.strip(), errors="coerce").astype(float)
    rest = plain.isna() & ~blanks(values)
    if decimal == "," or rest.any():
        cleaned = text.str.replace(_SYMBOLS, "", regex=True)
        other = "." if decimal == "," else ","
        cleaned = cleaned.str.replace(other, "", regex=False).str.replace(decimal, ".", regex=False)
        again = pd.to_numeric(cleaned, errors="coerce").astype(float)
        plain = again if decimal == "," else plain.mask(rest, again)
    return plain.where(np.abs(plain.to_numpy(dtype=float, na_value=np.nan)) < LARGEST)


def to_dates(values: pd.Series, day_first: bool = False) -> pd.Series:
    """Moments without a time zone; NaT for what isn't a date."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dates = pd.to_datetime(values, errors="coerce", format="mixed", utc=True)
        if day_first and not pd.api.types.is_datetime64_any_dtype(values):
            # not for 2024/03/05, whose month would be taken for the day
            turned = ~values.astype("string").str.match(r"\s*\d{4}").fillna(True).astype(bool)
            dates = dates.mask(
                turned,
                pd.to_datetime(values[turned], errors="coerce", dayfirst=True, format="mixed", utc=True),
            )
    rest = dates.isna() & ~blanks(values)
    if rest.any():  # 2024年3月5日, 5. März 2024
        again = {value: _moment(value, day_first) for value in values[rest].unique()}
        dates = dates.mask(rest, pd.to_datetime(values.map(again), utc=True))
    return dates.dt.tz_localize(None)


def _moment(value: Any, day_first: bool) -> str | None:
    try:
        return parse_moment(value, day_first)
    except ValueError:
        return None


@dataclass(frozen=True)
class Target:
    """A yes/no column as 0/1, the value that counts as 1, and how that was decided."""

    labels: np.ndarray  # (rows with a label,) int
    known: np.ndarray  # (rows,) bool
    positive: str
    negative: str
    note: str


def read_target(values: pd.Series, name: str, positive: str | None = None) -> Target:
    """Labels 0/1 of a column with two values; :class:`ModelError` for any other."""
    known = ~blanks(values).to_numpy()
    present = values[known]
    if _is_number(present) or pd.api.types.is_bool_dtype(present):
        text = present.map(lambda v: f"{float(v):g}")
    else:
        text = present.astype(str).str.strip()
        number = pd.to_numeric(text, errors="coerce")
        if number.notna().all() and len(text):
            text = number.map(lambda v: f"{v:g}")
    counts = text.value_counts()
    classes = [str(c) for c in counts.index]
    if len(classes) < 2:
        only = f" ({classes[0]!r})" if classes else ""
        raise ModelError(
            f"The target {name!r} has only one value{only}, so there is nothing to learn",
            "choose a column that tells those who left from those who stayed",
        )
    if positive is not None and positive not in classes:
        match = [c for c in classes if c.lower() == str(positive).lower()]
        if not match:
            raise ModelError(f"{positive!r} is no value of {name!r}", f"its values: {', '.join(classes[:8])}")
        positive = match[0]
    if len(classes) > 2 and positive is None:
        shown = ", ".join(classes[:6]) + (", ..." if len(classes) > 6 else "")
        raise ModelError(
            f"The target {name!r} has {len(classes)} values ({shown}); a yes/no question has two",
            "choose another column, or say which value counts: --positive VALUE",
        )
    if positive is not None:
        chosen, note = positive, f"{positive!r} is the value that was asked for"
    else:
        words = [c for c in classes if c.lower() in POSITIVE_WORDS]
        against = [c for c in classes if c.lower() in NEGATIVE_WORDS]
        if len(words) == 1:
            chosen, note = words[0], f"{words[0]!r} counts as the event, by its meaning"
        elif len(against) == 1:
            chosen = next(c for c in classes if c not in against)
            note = f"{chosen!r} counts as the event, since {against[0]!r} means that it didn't happen"
        else:
            chosen = classes[-1]
            note = f"{chosen!r} counts as the event, since it is the rarer value"
    labels = (text == chosen).to_numpy(dtype=int)
    negative = ", ".join(c for c in classes if c != chosen)
    return Target(labels, known, chosen, negative, note)


def find_leaks(X: pd.DataFrame, y: np.ndarray, columns: Sequence[Column], target: str) -> dict[str, str]:
    """Columns that give the answer away, with the reason: they can't be known when it matters.

    A leak separates the classes almost perfectly all alone, or is filled in only where the event happened,
    or is named after the target or what comes after it and says much about it.
    """
    kinds = {c.name: c.kind for c in columns if c.used}
    alone = {name: single_column_auc(X[name], y, kind) for name, kind in promising(X, y, kinds).items()}
    ranked = sorted(alone.values(), reverse=True)
    leaks: dict[str, str] = {}
    stem = _stem(target)
    for name, auc in alone.items():
        others = [a for n, a in alone.items() if n != name]
        filled = ~X[name].isna().to_numpy()
        share = y[filled].mean() if filled.any() else 0.0
        reach = y[filled].sum() / max(1, y.sum())
        if auc >= 0.985 or (auc >= 0.95 and auc - max(others, default=0.5) >= 0.10 and len(ranked) > 1):
            leaks[name] = f"it alone separates the classes almost perfectly (AUC {auc:.3f})"
        elif filled.sum() >= 20 and share >= 0.99 and reach >= 0.15 and y.mean() < 0.9:
            leaks[name] = (
                f"it is filled in only where the event happened ({int(filled.sum())} of {len(y)} rows)"
            )
        elif auc >= 0.60 and _AFTERWARDS_NAME.search(name):
            leaks[name] = f"by its name it is known only afterwards, and alone it reaches AUC {auc:.3f}"
        elif auc >= 0.75 and len(stem) >= 4 and stem in _stem(name):
            leaks[name] = f"it is named after the target, and alone it reaches AUC {auc:.3f}"
    return leaks


def single_column_auc(values: pd.Series, y: np.ndarray, kind: str, seed: int = 0) -> float:
    """How well one column alone separates the classes: AUC over five held-out parts, missing being a value
    too."""
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(seed)
    if len(y) > 20_000:  # plenty for a yes or no
        rows = rng.choice(len(y), 20_000, replace=False)
        values, y = values.iloc[rows], y[rows]
    part = rng.permutation(len(y)) % 5
    if not 0 < y.sum() < len(y):
        return 0.5
    score = np.full(len(y), y.mean(), dtype=float)
    if kind == "number":
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        x = np.column_stack([np.where(np.isfinite(numbers), numbers, 0.0), ~np.isfinite(numbers)])
        for number in range(5):
            train, test = part != number, part == number
            tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=5, random_state=0).fit(
                x[train], y[train]
            )
            column = list(tree.classes_).index(1) if 1 in tree.classes_ else None
            score[test] = tree.predict_proba(x[test])[:, column] if column is not None else 0.0
    else:
        codes = pd.factorize(values, use_na_sentinel=False)[0]
        for number in range(5):
            train, test = part != number, part == number
            total = np.bincount(codes[train], minlength=codes.max() + 1)
            hits = np.bincount(codes[train], weights=y[train], minlength=codes.max() + 1)
            score[test] = ((hits + y.mean()) / (total + 1))[codes[test]]
    return float(max(roc_auc_score(y, score), 0.5))


def closest(name: str, known: Sequence[str], n: int = 3) -> list[str]:
    """The names most like ``name``."""
    from rapidfuzz import fuzz, process, utils

    found = process.extract(name, list(known), scorer=fuzz.ratio, limit=n, processor=utils.default_process)
    return [match[0] for match in found]


def describe(value: Any, column: Column | None, numbers: Mapping[str, Any] | None = None) -> str:
    """A value as a person writes it: 3 rather than 3.0, "none" for a missing one."""
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return "none"
    if column is not None and column.role == "date" and column.origin:
        return str((pd.Timestamp(column.origin) - pd.Timedelta(days=float(value))).date())
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return str(value)


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    names = [str(c).strip().lstrip("\ufeff") for c in frame.columns]
    if len(set(names)) < len(names):
        double = next(n for n in names if names.count(n) > 1)
        raise ModelError(f"Two columns are called {double!r}", "rename one of them")
    return frame.set_axis(names, axis=1)


def _guess(values: pd.Series, name: str) -> Column:
    quick = _all_plain(values)
    missing = blanks(values) if quick is None else pd.Series(False, index=values.index)
    known = values[~missing]
    rows, filled = len(values), len(known)
    if filled == 0:
        return Column(name, "constant", "no value in any row")
    distinct = int(known.nunique())
    if distinct == 1 and filled >= rows * 0.995:
        return Column(name, "constant", "the same value in every row")
    named_id = bool(_ID_NAME.search(name))
    decimal = _decimal(known) if quick is None else "."
    numbers = to_numbers(known, decimal) if quick is None else quick
    if numbers.notna().mean() >= 0.98:
        whole = bool((numbers.dropna() % 1 == 0).all())
        if whole and distinct == filled and filled >= 20:
            dense = numbers.max() - numbers.min() < 1.5 * filled
            if named_id or dense or numbers.is_monotonic_increasing:
                return Column(name, "id", "it numbers the rows: every row has its own value")
        if named_id and whole and distinct > 0.95 * filled and filled >= 20:
            return Column(name, "id", "it names the rows: almost every row has its own value")
        return Column(name, "number", decimal=decimal)
    if _looks_like_dates(known):
        day_first = _day_first(known)
        days = to_dates(known, day_first)
        if days.notna().mean() >= 0.95:
            return Column(name, "date", day_first=day_first, origin=str(days.max().date()))
    text = known.astype(str)
    if distinct > 20 and distinct > 0.5 * filled:
        words = text.str.split().str.len().mean()
        if words >= 4:
            return Column(name, "text", f"free text ({words:.0f} words on average)")
        return Column(name, "id", "it names the rows: almost every row has its own value")
    return Column(name, "category")


def _all_plain(values: pd.Series) -> pd.Series | None:
    """Texts as numbers where every single one is a plain number, as in most columns of numbers; else None."""
    if _is_number(values) or not len(values):
        return None
    try:
        numbers = pd.to_numeric(values, errors="raise").astype(float)
    except (ValueError, TypeError, OverflowError):
        return None
    return numbers if bool((np.abs(numbers.to_numpy()) < LARGEST).all()) else None


def _decimal(known: pd.Series) -> str:
    if _is_number(known):
        return "."
    text = known.astype("string").str.replace(_SYMBOLS, "", regex=True)
    comma = text.str.fullmatch(r"[-+]?\d{1,3}(\.\d{3})*,\d+|[-+]?\d+,\d{1,2}").fillna(False)
    point = text.str.fullmatch(r"[-+]?\d*\.\d+|[-+]?\d{1,3}(,\d{3})+(\.\d+)?").fillna(False)
    return "," if comma.sum() > point.sum() else "."


def _looks_like_dates(known: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(known):
        return True
    if _is_number(known):
        return False
    shape = r"\s*(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4})"
    head = known.iloc[:2000].astype(str)
    return bool(head.str.match(shape).mean() >= 0.9)


def _day_first(known: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(known):
        return False
    parts = (
        known.astype("string").str.extract(r"^\s*(\d{1,2})[-/.](\d{1,2})[-/.]\d{2,4}").dropna().astype(int)
    )
    if not len(parts):
        return False
    return bool((parts[0] > 12).any() or not (parts[1] > 12).any())


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _stem(name: str) -> str:
    letters = re.sub(r"[^a-z]", "", name.lower())
    return re.sub(r"(ed|s|flag|label)$", "", letters)
