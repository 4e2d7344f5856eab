import json
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import ImportFileError, ModelError
from assistant.insight import text as text_module
from assistant.insight.intents import (
    IntentModel,
    load_intents,
    read_intents,
    train_intents,
    train_intents_table,
)
from assistant.insight.registry import load_model
from assistant.insight.text import TextClassifier, _solve, calibration_error, plain_text

TEST = Path(__file__).parent.parent / "data" / "router.jsonl"


class WordEmbedder:
    """Words hashed into 256 places: texts that share words are near each other."""

    def __init__(self, fingerprint: str = "words") -> None:
        self.fingerprint = fingerprint
        self.texts = 0

    def encode(self, texts):
        self.texts += len(texts)
        rows = np.zeros((len(texts), 256), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in plain_text(text).replace("?", "").split():
                row[zlib.crc32(word.encode()) % 256] += 1
            row[0] += 0.01
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(text_module, "_learned", {})


@pytest.fixture
def small_prompts(tmp_path):
    def intent(roles, *sentences):
        return {"roles": roles, "description": "x", "examples": {"en": list(sentences)}}

    risk = [
        f"will {who} leave us {when}"
        for who in ("he", "she", "C-1042", "Anna")
        for when in ("soon", "now", "today")
    ]
    parcel = [
        f"where is the {thing} {when}"
        for thing in ("parcel", "box", "order")
        for when in ("now", "today", "yesterday")
    ]
    person = [
        f"{how} talk to a person {end}"
        for how in ("can i", "let me", "i want to")
        for end in ("", "please", "now")
    ]
    path = tmp_path / "prompts" / "intents.yaml"
    path.parent.mkdir()
    content = {
        "intents": {
            "risk": intent(["agent"], *risk),
            "parcel": intent(["agent", "customer"], *parcel),
            "person": intent(["customer"], *person),
        },
        "follow_ups": {"en": ["why?"]},
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_leave_one_out_is_what_leaving_one_out_gives():
    random = np.random.default_rng(3)
    rows = random.normal(size=(12, 4))
    gram = np.exp(-((rows[:, None] - rows[None]) ** 2).sum(-1))
    targets = np.eye(3)[random.integers(0, 3, 12)]
    base = targets.mean(0)
    dual, out = _solve(gram, targets, base, 0.3)
    np.testing.assert_allclose((gram + 0.3 * np.eye(12)) @ dual, targets - base, atol=1e-8)
    for i in range(12):
        rest = np.delete(np.arange(12), i)
        weights = np.linalg.solve(gram[np.ix_(rest, rest)] + 0.3 * np.eye(11), targets[rest] - base)
        np.testing.assert_allclose(out[i], gram[i, rest] @ weights + base, atol=1e-8)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Where is LO-100234?", "where is ƶ?"),
        ("mail Anna.B@Example.com now", "mail ɘ now"),
        ("12,50 and 3", "0 and 0"),
        ("Ｃ-1042 呢？", "ƶ 呢?"),
        ("don’t", "don't"),
    ],
)
def test_plain_text(text, plain):
    assert plain_text(text) == plain


def test_calibration_error():
    assert calibration_error(np.full(10, 0.7), np.array([True] * 7 + [False] * 3), bins=1) == pytest.approx(0)
    assert calibration_error(np.ones(10), np.zeros(10, bool)) == pytest.approx(1)


def test_one_label_can_not_be_learnt():
    vectors = WordEmbedder().encode(["a", "b"])
    with pytest.raises(ModelError, match="same label"):
        TextClassifier().fit(["a", "b"], ["x", "x"], vectors)


def test_router_knows_roles_and_what_it_does_not_know(small_prompts, tmp_path):
    model = IntentModel.default(WordEmbedder(), home=tmp_path, path=small_prompts)
    near, far = model.classify(["will Tom leave us soon", "zebra quantum umbrella"])
    assert near.label == "risk"
    assert near.sure
    assert not far.sure
    assert sum(near.scores.values()) == pytest.approx(1)
    assert next(iter(near.scores)) == near.label
    customer = model.classify(["will Tom leave us soon"], allowed=model.allowed("customer"))[0]
    assert set(customer.scores) == {"parcel", "person"}
    assert model.classify([]) == []
    with pytest.raises(ModelError, match="None of these labels"):
        model.classify(["x"], allowed=["weather"])


def test_router_is_learnt_once_and_again_when_a_sentence_is_added(small_prompts, tmp_path, monkeypatch):
    embedder = WordEmbedder()
    IntentModel.default(embedder, home=tmp_path, path=small_prompts)
    first = embedder.texts
    monkeypatch.setattr(text_module, "_learned", {})  # another process
    kept = IntentModel.default(embedder, home=tmp_path, path=small_prompts)
    assert embedder.texts == first
    assert kept.classify(["where is my parcel"])[0].label == "parcel"
    content = json.loads(small_prompts.read_text())
    content["intents"]["parcel"]["examples"]["en"].append("gimme the gizmo")
    small_prompts.write_text(json.dumps(content) + "\n\n")
    changed = IntentModel.default(embedder, home=tmp_path, path=small_prompts)
    assert changed.classify(["gimme the gizmo"])[0].label == "parcel"
    assert len(list((tmp_path / "models" / "router-cache").glob("*.joblib"))) == 1


def test_a_damaged_cache_is_learnt_again(small_prompts, tmp_path, monkeypatch):
    IntentModel.default(WordEmbedder(), home=tmp_path, path=small_prompts)
    file = next((tmp_path / "models" / "router-cache").glob("*.joblib"))
    file.write_bytes(b"not a model")
    monkeypatch.setattr(text_module, "_learned", {})
    model = IntentModel.default(WordEmbedder(), home=tmp_path, path=small_prompts)
    assert model.classify(["where is my parcel"])[0].label == "parcel"


def test_saved_without_embedder_and_only_for_the_same_one(small_prompts, tmp_path):
    model = IntentModel.default(WordEmbedder(), home=tmp_path, path=small_prompts)
    loaded = pickle.loads(pickle.dumps(model))
    with pytest.raises(ModelError, match="no embedder"):
        loaded.classify(["x"])
    with pytest.raises(ModelError, match="another embedder"):
        loaded.use(WordEmbedder("other"))
    assert loaded.use(WordEmbedder()).classify(["where is my parcel"])[0].label == "parcel"


@pytest.mark.parametrize("content", ["intents: [", "intents: {a: {roles: [agent]}}", "other: 1", "- a"])
def test_unreadable_prompts_are_named(tmp_path, content):
    path = tmp_path / "intents.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"intents\.yaml"):
        read_intents(path)
    with pytest.raises(ModelError, match="missing"):
        read_intents(tmp_path / "none.yaml")


def test_our_example_sentences_are_many_distinct_and_not_in_the_test():
    intents = read_intents()["intents"]
    seen: dict[str, str] = {}
    for name, intent in intents.items():
        assert intent["roles"] and set(intent["roles"]) <= {"agent", "customer", "visitor"}
        assert len(intent["examples"]["en"]) >= 25, name
        assert len(intent["examples"]["zh"]) >= 15, name
        for sentences in intent["examples"].values():
            for sentence in sentences:
                assert isinstance(sentence, str), sentence
                assert seen.setdefault(sentence.lower(), name) == name, sentence
    test = [json.loads(line) for line in TEST.read_text(encoding="utf-8").splitlines()]
    assert {row["intent"] for row in test} == set(intents)
    for row in test:
        assert row["text"].lower() not in seen
        assert row["role"] in intents[row["intent"]]["roles"], row


@pytest.fixture
def labelled(tmp_path):
    lines = ["text,label"]
    for i in range(15):
        lines += [
            f"my card number {i} is lost,card",
            f"the transfer of {i} euro failed,transfer",
            f"password reset {i} please,login",
        ]
    lines += ["lonely row,rare", ",card", "my card number 1 is lost,card"]
    path = tmp_path / "labelled.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_companys_own_labels(labelled, tmp_path):
    embedder = WordEmbedder()
    report = train_intents_table(labelled, "text", "label", home=tmp_path, embedder=embedder)
    assert report.metrics["accuracy"] == 1.0
    assert report.metrics["tested_on"] == 9
    assert report.rows == 45
    assert report.left_out == [{"column": "rare", "reason": "label with only 1 rows"}]
    model = load_intents(tmp_path, embedder)
    assert model.version == report.version
    assert set(model.labels) == {"card", "transfer", "login", "out_of_scope"}
    assert model.classify(["my card is lost"])[0].label == "card"
    outside = model.classify(["What's the weather tomorrow?"])[0]
    assert outside.label == "out_of_scope"


def test_tables_that_can_not_be_learnt(labelled, tmp_path):
    with pytest.raises(ImportFileError, match="no column 'body'"):
        train_intents_table(labelled, "body", "label", home=tmp_path, embedder=WordEmbedder())
    with pytest.raises(ModelError, match="different values"):
        many = tmp_path / "many.csv"
        many.write_text("t,l\n" + "\n".join(f"text {i},{i // 3}" for i in range(300)))
        train_intents_table(many, "t", "l", home=tmp_path, embedder=WordEmbedder())
    with pytest.raises(ModelError, match="too little"):
        few = tmp_path / "few.csv"
        few.write_text("t,l\na,x\nb,y\n")
        train_intents_table(few, "t", "l", home=tmp_path, embedder=WordEmbedder())


def test_train_saves_the_router_with_its_figures(tmp_path):
    report = train_intents(None, home=tmp_path, embedder=WordEmbedder())
    assert report.version == "v1"
    assert report.metrics["labels"] == len(read_intents()["intents"])
    assert 0 < report.metrics["accuracy"] < 1
    model = load_model(tmp_path, "intents").use(WordEmbedder())
    assert (
        model.classify(["how many points do I have"], allowed=model.allowed("customer"))[0].label == "account"
    )
