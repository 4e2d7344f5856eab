"""Learning labels of short texts from few examples: one classifier behind intents and sentiment.

Kernel ridge regression (regularised least squares, one column per label) over a product of kernels: Gaussian
over sentence vectors, times overlap of words and character n-grams. Three properties make it fit for example
sentences that people write by hand: it learns in a second, it has exact leave-one-out predictions in closed
form (so calibration and thresholds cost nothing and see no text twice), and far from every example its
scores fall back to the labels' shares, which is what "not sure" means.
"""

import hashlib
import io
import logging
import re
import time
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from assistant.errors import ModelError
from assistant.files import write_atomic
from assistant.insight.registry import Progress
from assistant.settings import data_folder, get_settings

log = logging.getLogger(__name__)

Array = np.ndarray[Any, np.dtype[Any]]
Features = Callable[[Sequence[str]], Array]

# Learning takes memory of 8 bytes times the square of the examples: beyond this a sample is drawn per label.
MOST_EXAMPLES = 12_000
# Settings of the kernel are compared on at most so many examples.
_SEARCH_EXAMPLES = 3_000

_ID = re.compile(r"\b[a-z]{1,3}-\d{2,}\b|\b\d{5,}\b")
_MAIL = re.compile(r"\S+@\S+\.\w+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = r"(?u)[^\W\d_\u3400-\u9fff]+(?:'[a-z]+)?|[\u3400-\u9fff]|[?!]"


class TextEmbedder(Protocol):
    """The part of :class:`assistant.language.Embedder` that is needed here."""

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Array: ...


@dataclass(frozen=True)
class Label:
    """The best label, every label's calibrated probability, and whether to rely on it."""

    label: str
    scores: Mapping[str, float]
    sure: bool = True


def plain_text(text: str) -> str:
    """Lower case, full-width forms folded, and ids, e-mails and numbers replaced by one sign each."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return _NUMBER.sub("0", _ID.sub("ƶ", _MAIL.sub("ɘ", text)))


@dataclass(frozen=True)
class Kernel:
    """Weights of the kernel's parts, found by leave-one-out."""

    sharpness: float = 2.0
    words: float = 0.5
    letters: float = 0.5
    extra: float = 0.0
    ridge: float = 0.2


@dataclass
class TextClassifier:
    """Texts and their sentence vectors in, calibrated labels out.

    ``extra`` computes further features per text, shape (n, d), e.g. counts from a word list. Learned names
    end in ``_``: ``classes_``, ``kernel_``, ``temperature_``, ``threshold_`` (the probability from which on a
    label is right in at least a share of ``worth`` of such cases by leave-one-out: sure), ``leave_one_out_``
    (n, classes) scores, ``metrics_``, ``by_label_``.
    """

    extra: Features | None = None
    worth: float = 0.6
    most_examples: int = MOST_EXAMPLES
    classes_: Array = field(init=False, repr=False)

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        vectors: Array,
        *,
        views: Sequence[Collection[str]] = (),
    ) -> "TextClassifier":
        """Learn from ``texts`` with ``vectors`` (n, d), rows of length 1.

        ``views`` are the sets of labels that callers will choose among (a role's intents); calibration and
        the threshold are measured on those. Raises :class:`ModelError` for fewer than two labels.
        """
        from threadpoolctl import threadpool_limits

        # for few examples one thread is several times faster than many that wait for each other
        with threadpool_limits(limits=1 if len(texts) < 2500 else None, user_api="blas"):
            return self._fit(texts, labels, vectors, views)

    def _fit(
        self, texts: Sequence[str], labels: Sequence[str], vectors: Array, views: Sequence[Collection[str]]
    ) -> "TextClassifier":
        from sklearn.feature_extraction.text import TfidfVectorizer

        if len(set(labels)) < 2:
            raise ModelError("All examples have the same label", "add examples of at least one other label")
        keep = _sample(labels, self.most_examples)
        texts, names = [texts[i] for i in keep], np.asarray([labels[i] for i in keep])
        vectors = np.asarray(vectors, dtype=np.float32)[keep]
        self.classes_, y = np.unique(names, return_inverse=True)
        self.vectors_ = vectors
        plain = [plain_text(t) for t in texts]
        self.words_ = TfidfVectorizer(
            lowercase=False, ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORD, dtype=np.float32
        ).fit([*plain, "a"])
        self.letters_ = TfidfVectorizer(
            lowercase=False,
            analyzer="char_wb",
            ngram_range=(1, 5),
            sublinear_tf=True,
            min_df=2 if len(plain) > 5000 else 1,
            dtype=np.float32,
        ).fit([*plain, "a"])
        self.word_rows_, self.letter_rows_ = self.words_.transform(plain), self.letters_.transform(plain)
        if self.extra is not None:
            raw = np.asarray(self.extra(texts), dtype=np.float32)
            self.extra_mean_, self.extra_sd_ = raw.mean(0), raw.std(0) + 1e-6
            self.extra_rows_ = (raw - self.extra_mean_) / self.extra_sd_
        self._scale(vectors)
        part = _sample(list(names), _SEARCH_EXAMPLES)
        self.kernel_ = self._search(part, y[part])
        targets = _one_hot(y, len(self.classes_))
        self.base_ = targets.mean(0)
        gram = self._gram(self.kernel_, *self._parts_within())
        self.dual_, self.leave_one_out_ = _solve(gram, targets, self.base_, self.kernel_.ridge)
        self._calibrate(y, [*views] or [list(self.classes_)])
        return self

    def scores(self, texts: Sequence[str], vectors: Array) -> Array:
        """Uncalibrated scores, shape (n, classes)."""
        plain = [plain_text(t) for t in texts]
        cosine = np.asarray(vectors, dtype=np.float32) @ self.vectors_.T
        words = (self.words_.transform(plain) @ self.word_rows_.T).toarray()
        letters = (self.letters_.transform(plain) @ self.letter_rows_.T).toarray()
        extra = None
        if self.extra is not None:
            rows = (np.asarray(self.extra(texts), dtype=np.float32) - self.extra_mean_) / self.extra_sd_
            extra = _gauss(rows, self.extra_rows_)
        return np.asarray(self._gram(self.kernel_, cosine, words, letters, extra) @ self.dual_ + self.base_)

    def probabilities(
        self, texts: Sequence[str], vectors: Array, *, allowed: Collection[str] | None = None
    ) -> Array:
        """Calibrated probabilities (n, classes); labels outside ``allowed`` get 0."""
        if not len(texts):
            return np.zeros((0, len(self.classes_)))
        return _softmax(self.temperature_ * self.scores(texts, vectors), self._mask(allowed))

    def classify(
        self, texts: Sequence[str], vectors: Array, *, allowed: Collection[str] | None = None
    ) -> list[Label]:
        """One :class:`Label` per text, scores from the most probable down."""
        found = []
        mask = self._mask(allowed)
        for row in self.probabilities(texts, vectors, allowed=allowed):
            order = [i for i in np.argsort(-row, kind="stable") if mask[i]]
            scores = {str(self.classes_[i]): float(row[i]) for i in order}
            found.append(Label(str(self.classes_[order[0]]), scores, bool(row[order[0]] >= self.threshold_)))
        return found

    # -- learning -------------------------------------------------------------------------------------------

    def _scale(self, vectors: Array) -> None:
        """The typical distance between two examples: embedders differ in how far apart they put texts."""
        some = vectors[_every(len(vectors), 1000)]
        self.spread_ = float(max(1e-3, np.median(1 - some @ some.T)))

    def _parts_within(self, part: Array | None = None) -> tuple[Array, Array, Array, Array | None]:
        rows = slice(None) if part is None else part
        vectors, words, letters = self.vectors_[rows], self.word_rows_[rows], self.letter_rows_[rows]
        extra = None
        if self.extra is not None:
            extra = _gauss(self.extra_rows_[rows], self.extra_rows_[rows])
        return vectors @ vectors.T, (words @ words.T).toarray(), (letters @ letters.T).toarray(), extra

    def _gram(
        self, kernel: Kernel, cosine: Array, words: Array, letters: Array, extra: Array | None
    ) -> Array:
        gram = np.exp((cosine - 1) * (kernel.sharpness / self.spread_))
        gram *= (1 + kernel.words * words + kernel.letters * letters) / (1 + kernel.words + kernel.letters)
        if extra is not None and kernel.extra:
            gram = (gram + kernel.extra * extra) / (1 + kernel.extra)
        return gram

    def _search(self, part: Array, y: Array) -> Kernel:
        """The weights with the best leave-one-out log loss: one weight after the other, from a good start."""
        parts = self._parts_within(part)
        targets = _one_hot(y, len(self.classes_))
        base = targets.mean(0)
        tried: dict[Kernel, float] = {}

        def loss(kernel: Kernel) -> float:
            if kernel not in tried:
                _, out = _solve(self._gram(kernel, *parts), targets, base, kernel.ridge)
                tried[kernel] = _fit_temperature([(out, y, np.ones(len(base), bool))])[1]
            return tried[kernel]

        best = Kernel(extra=0.5 if self.extra is not None else 0.0)
        grid: dict[str, tuple[float, ...]] = {
            "words": (0.0, 0.5, 2.0),
            "letters": (0.0, 0.5, 2.0),
            "sharpness": (0.5, 1.0, 2.0),
            "ridge": (0.1, 0.2, 0.4),
        }
        if self.extra is not None:
            grid["extra"] = (0.0, 0.5, 1.0, 2.0)
        for name, values in grid.items():
            options = [Kernel(**{**best.__dict__, name: value}) for value in values]
            best = min([best, *options], key=loss)
        return best

    def _calibrate(self, y: Array, views: Sequence[Collection[str]]) -> None:
        seen = []
        for view in views:
            mask = self._mask(view)
            rows = mask[y]
            if rows.any():
                seen.append((self.leave_one_out_[rows], y[rows], mask))
        self.temperature_, loss = _fit_temperature(seen)
        top, right = [], []
        for scores, truth, mask in seen:
            p = _softmax(self.temperature_ * scores, mask)
            top.append(p.max(1))
            right.append(p.argmax(1) == truth)
        confidence, correct = np.concatenate(top), np.concatenate(right)
        self.threshold_ = _threshold(confidence, correct, self.worth)
        sure = confidence >= self.threshold_
        self.metrics_ = {
            "accuracy": float(correct.mean()),
            "log_loss": float(loss),
            "sure": float(sure.mean()),
            "accuracy_when_sure": float(correct[sure].mean()) if sure.any() else None,
            "calibration_error": calibration_error(confidence, correct),
            "examples": len(y),
            "labels": len(self.classes_),
        }
        self.by_label_ = by_label(y, self.leave_one_out_.argmax(1), list(map(str, self.classes_)))

    def _mask(self, allowed: Collection[str] | None) -> Array:
        if allowed is None:
            return np.ones(len(self.classes_), bool)
        mask = np.isin(self.classes_, list(allowed))
        if not mask.any():
            raise ModelError(
                f"None of these labels is known: {', '.join(sorted(allowed)) or '(empty)'}",
                f"one of: {', '.join(map(str, self.classes_))}",
            )
        return np.asarray(mask)


def calibration_error(confidence: Array, correct: Array, bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over equally filled bins."""
    order = np.argsort(confidence)
    parts = [p for p in np.array_split(order, bins) if len(p)]
    gaps = [len(p) * abs(float(confidence[p].mean()) - float(correct[p].mean())) for p in parts]
    return float(sum(gaps) / len(order))


def by_label(truth: Array, found: Array, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Examples, precision, recall and F1 of each label; ``truth`` and ``found`` are positions in ``names``."""
    out = {}
    for k, name in enumerate(names):
        hits, said, real = (int(np.sum(x)) for x in ((truth == k) & (found == k), found == k, truth == k))
        f1 = 2 * hits / (said + real) if said + real else 0.0
        figures = {
            "precision": hits / said if said else 0.0,
            "recall": hits / real if real else 0.0,
            "f1": f1,
        }
        out[str(name)] = {"examples": real, **figures}
    return out


def _solve(gram: Array, targets: Array, base: Array, ridge: float) -> tuple[Array, Array]:
    """Dual weights and exact leave-one-out predictions of kernel ridge regression (Rifkin and Lippert 2007)."""
    from scipy.linalg import lapack

    system = np.array(gram, dtype=np.float32 if len(gram) > 2000 else np.float64, order="F")
    np.fill_diagonal(system, np.diagonal(gram) + np.float64(ridge))
    double = system.dtype == np.float64
    factor, failed = (lapack.dpotrf if double else lapack.spotrf)(system, lower=1, overwrite_a=1)
    if failed:
        raise ModelError("The examples can't be learnt: their vectors aren't finite or don't differ")
    inverse, _ = (lapack.dpotri if double else lapack.spotri)(factor, lower=1, overwrite_c=1)
    diagonal = inverse.diagonal().copy()
    lower = np.tril(inverse, -1)
    centred = (targets - base).astype(system.dtype)
    dual = lower @ centred + lower.T @ centred + diagonal[:, None] * centred
    return dual, targets - dual / diagonal[:, None]


def _softmax(z: Array, mask: Array) -> Array:
    z = np.where(mask, z, -np.inf)
    z = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(z / z.sum(1, keepdims=True))


def _fit_temperature(seen: Sequence[tuple[Array, Array, Array]]) -> tuple[float, float]:
    """The factor on the scores that makes the softmax's log loss smallest, and that loss."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        total, n = 0.0, 0
        for scores, truth, mask in seen:
            p = _softmax(np.exp(log_t) * scores, mask)[np.arange(len(truth)), truth]
            total -= float(np.log(np.maximum(p, 1e-12)).sum())
            n += len(truth)
        return total / n

    found = minimize_scalar(loss, bounds=(0.0, 4.5), method="bounded", options={"xatol": 0.02})
    return float(np.exp(found.x)), float(found.fun)


def _threshold(confidence: Array, correct: Array, worth: float) -> float:
    """The smallest confidence at which labels are right in a share of ``worth``, by isotonic regression; 1.01
    when there is none."""
    from sklearn.isotonic import IsotonicRegression

    share = IsotonicRegression().fit_transform(confidence, correct.astype(float))
    good = confidence[share >= worth]
    return float(good.min()) if len(good) else 1.01


def _sample(labels: Sequence[str], most: int) -> Array:
    """Indices of at most ``most`` examples, each label by its share (at least two of each), in order."""
    if len(labels) <= most:
        return np.arange(len(labels))
    random = np.random.default_rng(0)
    names = np.asarray(labels)
    chosen: list[int] = []
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        n = max(2, int(most * len(rows) / len(names)))
        chosen += list(random.permutation(rows)[:n])
    return np.sort(np.asarray(chosen))


def _every(n: int, most: int) -> Array:
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(int))


def _one_hot(y: Array, n: int) -> Array:
    return np.eye(n, dtype=np.float32)[y]


def _gauss(a: Array, b: Array) -> Array:
    """Gaussian kernel over standardised features, (len(a), len(b))."""
    distance = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(distance, 0) / (2 * a.shape[1])))


# -- what intents and sentiment share -------------------------------------------------------------------------

T = TypeVar("T")
_lock = Lock()
_learned: dict[str, Any] = {}


class TextModel:
    """What models of texts share: a :class:`TextClassifier` and the embedder whose vectors it learned from.

    The embedder isn't part of what is saved; :meth:`use` gives it back after loading.
    """

    name = ""  # as ``crm-assistant train`` calls it

    def __init__(self, embedder: TextEmbedder | None = None) -> None:
        self.embedder = embedder
        self.version: str | None = None
        self.metrics: Mapping[str, Any] = {}
        self.fingerprint = ""
        self.classifier = TextClassifier()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "embedder": None}

    def use(self, embedder: TextEmbedder) -> Self:
        """Set the embedder; it must be the one the model was trained with."""
        if self.fingerprint and embedder.fingerprint != self.fingerprint:
            raise ModelError(
                f"The {self.name} model was trained with another embedder", f"crm-assistant train {self.name}"
            )
        self.embedder = embedder
        return self

    def vectors(self, texts: Sequence[str], progress: Progress | None = None) -> Array:
        """Sentence vectors (n, d) by the model's embedder."""
        if self.embedder is None:
            raise ModelError(f"The {self.name} model has no embedder", "call use(load_embedder(settings))")
        return encode(self.embedder, texts, progress)

    def learn(self, classifier: TextClassifier) -> Self:
        """Take a fitted classifier as one's own."""
        assert self.embedder is not None
        self.classifier = classifier
        self.fingerprint = self.embedder.fingerprint
        self.metrics = classifier.metrics_
        return self


def encode(embedder: TextEmbedder, texts: Sequence[str], progress: Progress | None = None) -> Array:
    """Vectors of the texts, each distinct text once, in slices so that progress can be shown."""
    distinct = list(dict.fromkeys(texts))
    parts = []
    for start in range(0, len(distinct), 512):
        if progress and len(distinct) > 512:
            progress("embed", start, len(distinct))
        parts.append(np.asarray(embedder.encode(distinct[start : start + 512]), dtype=np.float32))
    row = {text: i for i, text in enumerate(distinct)}
    return np.asarray(np.concatenate(parts)[[row[t] for t in texts]])


def milliseconds(classify: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> dict[str, float]:
    """Milliseconds per message: one at a time as in a conversation, and in a batch of 64."""
    some = list(texts[:: max(1, len(texts) // 64)][:64])
    classify(some[:1])
    start = time.perf_counter()
    for text in some[:16]:
        classify([text])
    single = (time.perf_counter() - start) / len(some[:16])
    start = time.perf_counter()
    classify(some)
    batch = (time.perf_counter() - start) / len(some)
    return {"ms_per_message": 1000 * single, "ms_per_message_in_batch": 1000 * batch}


def read_yaml(path: Path | None, name: str, check: Callable[[Any], None]) -> dict[str, Any]:
    """``path`` or the file ``name`` of prompts/, read once per change. Raises :class:`ModelError` when it is
    missing, isn't YAML, or ``check`` raises."""
    path = path or data_folder("prompts") / name
    content = _read_yaml(path, path.stat().st_mtime_ns if path.exists() else 0)
    try:
        check(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{path} isn't what is expected: {error!r}", f"compare it with the release's {name}"
        ) from error
    return dict(content)


@lru_cache(maxsize=8)
def _read_yaml(path: Path, changed: int) -> Any:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except FileNotFoundError:
        raise ModelError(f"{path} is missing", "restore prompts/ from the release") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} can't be read: {error}", "correct it at the place that is named") from error


def keep_learned(kind: type[T], name: str, key: str, home: Path | None, learn: Callable[[], T]) -> T:
    """The model learned under ``key``: from this process, from ``home``'s models/<name>-cache/, or new.

    ``home`` is the settings' one if None; where that folder doesn't exist nothing is written.
    """
    import joblib

    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    folder = Path(home or get_settings().home_dir)
    file = folder / "models" / f"{name}-cache" / f"{digest}.joblib"
    with _lock:
        if digest in _learned:
            return _learned[digest]
        model = None
        if file.is_file():
            try:
                model = joblib.load(file)
            except Exception as error:  # what another version wrote is only learned again
                log.warning("%s can't be read, learning it again: %s", file, error)
        if not isinstance(model, kind):
            model = learn()
            if folder.is_dir():
                buffer = io.BytesIO()
                joblib.dump(model, buffer)
                try:
                    write_atomic(file, buffer.getvalue())
                    for old in file.parent.glob("*.joblib"):
                        if old != file:
                            old.unlink(missing_ok=True)
                except OSError as error:
                    log.warning("the %s model can't be kept: %s", name, error)
        _learned[digest] = model
        return model
