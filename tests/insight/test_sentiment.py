import json
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import ModelError
from assistant.insight import text as text_module
from assistant.insight.registry import load_model
from assistant.insight.sentiment import (
    LABELS,
    SentimentModel,
    _sentences,
    aspects_of,
    read_sentences,
    train_sentiment,
    word_features,
)

DATA = Path(__file__).parent.parent / "data"


class NoEmbedder:
    """All texts in one place: what is learned then comes from words alone."""

    fingerprint = "none"

    def encode(self, texts):
        return np.tile(np.array([[0.6, 0.8]], np.float32), (len(texts), 1))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def model(home):
    text_module._learned.clear()
    return SentimentModel.default(NoEmbedder(), home=home)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("The coffee is good", "The coffee is not good"),
        ("This isn't bad at all", "This is bad"),
        ("服务很好，很满意", "服务不好，不满意"),
        ("我喜欢这个口味", "我不喜欢这个口味"),
        ("great :-)", "great :-( terrible"),
    ],
)
def test_word_lists_turn_round_with_negation(good, bad):
    rows = word_features([good, bad])
    assert rows.shape == (2, 7)
    assert rows[0, 2] > 0 > rows[1, 2] or rows[0, 2] > rows[1, 2]


def test_word_features_of_nothing():
    assert word_features([""]).tolist() == [[0.0] * 7]


@pytest.mark.parametrize(
    ("sentence", "aspects"),
    [
        ("The delivery was late and too expensive", ("price", "delivery")),
        ("Your support is friendly", ("service",)),
        ("The beans taste stale", ("quality",)),
        ("快递太慢，客服不回复", ("delivery", "service")),
        ("涨价太多，质量也不好", ("price", "quality")),
        ("See you on Monday", ()),
    ],
)
def test_aspects(sentence, aspects):
    assert aspects_of(sentence) == aspects


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs 21.90 now. Too much", ["It costs 21.90 now.", "Too much"]),
        ("Mr. Brennan called. Thanks", ["Mr. Brennan called.", "Thanks"]),
        ("很好。谢谢！", ["很好。", "谢谢！"]),
        ("...", []),
        ("", []),
    ],
)
def test_sentences(text, parts):
    assert _sentences(text) == parts


def test_labels_and_probabilities(model):
    good, bad = model.classify(["wonderful, I love it", "terrible, I want my money back"])
    assert (good.label, bad.label) == ("positive", "negative")
    assert set(good.scores) == set(LABELS)
    assert sum(good.scores.values()) == pytest.approx(1)
    assert max(good.scores.values()) == good.scores[good.label]
    assert model.classify([]) == []
    assert len(model.classify(["", "   "])) == 2


def test_a_text_is_more_than_its_loudest_sentence(model):
    praise = "The coffee is wonderful and I love it. The staff were friendly and helpful. Excellent quality."
    assert model.classify([praise + " My number is 4711."])[0].label == "positive"


def test_reading_gives_sentences_and_aspects(model):
    mood = model.read("The coffee is delicious, I love it! But your delivery is terrible, so slow and late.")
    assert [s.label.label for s in mood.sentences] == ["positive", "negative"]
    assert mood.aspects["quality"] == "positive"
    assert mood.aspects["delivery"] == "negative"
    assert "price" not in mood.aspects
    assert model.read("").sentences[0].text == ""


def test_saved_with_figures_and_used_with_the_same_embedder(home):
    report = train_sentiment(None, home=home, embedder=NoEmbedder())
    assert report.version == "v1"
    assert report.metrics["macro_f1"] > 0.5
    loaded = load_model(home, "sentiment")
    with pytest.raises(ModelError, match="no embedder"):
        loaded.embedder = None
        loaded.classify(["x"])
    other = NoEmbedder()
    other.fingerprint = "other"
    with pytest.raises(ModelError, match="another embedder"):
        loaded.use(other)
    with pytest.raises(ModelError, match="Unknown labels"):
        SentimentModel(NoEmbedder()).fit(["a", "b"], ["good", "bad"])


def test_our_sentences_are_many_distinct_and_not_in_the_tests():
    examples = read_sentences()["examples"]
    for language in ("en", "zh"):
        sentences = [s for label in LABELS for s in examples[label][language]]
        assert len(sentences) >= 350
        assert len({s.lower() for s in sentences}) == len(sentences)
        rows = [json.loads(x) for x in (DATA / f"sentiment_{language}.jsonl").read_text("utf-8").splitlines()]
        assert len(rows) >= 300
        assert {row["label"] for row in rows} == set(LABELS)
        assert not {row["text"].lower() for row in rows} & {s.lower() for s in sentences}


def test_unreadable_prompts_are_named(tmp_path):
    path = tmp_path / "sentiment.yaml"
    path.write_text("examples: {positive: {en: [a]}}", encoding="utf-8")
    with pytest.raises(ModelError, match=r"sentiment\.yaml"):
        read_sentences(path)
