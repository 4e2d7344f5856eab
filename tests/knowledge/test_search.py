"""What search finds, and above all what it never shows."""

import dataclasses
import itertools
import random
import threading
from pathlib import Path

import numpy as np
import pytest

from assistant.crm import Store
from assistant.errors import PermissionDenied
from assistant.evidence import Evidence
from assistant.knowledge import KnowledgeIndex, build_index, ranking, split_question
from assistant.knowledge.vectors import FaissVectors
from assistant.knowledge.words import codes, query_words, segment

from .doubles import HashedEmbedder, ListStore, interaction

TOPICS = [
    "grinder",
    "parcel",
    "refund",
    "espresso",
    "kettle",
    "label",
    "subscription",
    "points",
    "gasket",
    "roast",
]
CUSTOMERS = [f"C-{n}" for n in range(1, 8)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeIndex:
    """60 public and 40 internal articles, 300 interactions of 7 customers, in two languages."""
    rng = random.Random(11)
    base = tmp_path_factory.mktemp("search")
    for number in range(100):
        audience = "public" if number < 60 else "internal"
        language = "zh" if number % 5 == 0 else "en"
        path = base / "kb" / audience / language / f"a{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        words = " ".join(rng.choices(TOPICS, k=12)) + (" 咖啡退货" if language == "zh" else "")
        path.write_text(f"---\ntitle: About {TOPICS[number % 10]} {number}\naudience: {audience}\n"
                        f"language: {language}\nupdated: 2026-0{number % 9 + 1}-01\n---\nText{number} {words}.")  # fmt: skip
    rows = []
    for number in range(1, 301):
        internal = number % 10 == 0
        rows.append(interaction(
            number, rng.choice(CUSTOMERS), f"note{number} " + " ".join(rng.choices(TOPICS, k=8)),
            channel=rng.choice(["email", "chat", "call"]), language="zh" if number % 4 == 0 else "en",
            order_id=f"LO-{100000 + number}", attributes={"internal": True} if internal else {},
        ))  # fmt: skip
    embedder = HashedEmbedder()
    build_index(ListStore(rows), embedder, home=base / "home", kb_dirs=[base / "kb"])  # type: ignore[arg-type]
    return KnowledgeIndex.open(base / "home", embedder)


def may_see(hit: object, role: str, customer: str | None) -> bool:
    """The rule, said again in other words than the code's."""
    kind, audience, owner = hit.kind, hit.audience, hit.customer_id  # type: ignore[attr-defined]
    match role:
        case "visitor":
            return kind == "article" and audience == "public"
        case "customer":
            if kind == "article":
                return audience == "public"
            return customer is not None and owner == customer and audience == "customer"
        case _:
            return kind == "article" or customer is None or owner == customer


@pytest.mark.parametrize("role", ["visitor", "customer", "agent", "admin"])
@pytest.mark.parametrize("customer", [None, "C-1", "C-7", "C-999", "", "%", "C-1' OR '1'='1"])
def test_nobody_gets_what_they_may_not_see(index: KnowledgeIndex, role: str, customer: str | None) -> None:
    rng = random.Random(f"{role}{customer}")
    everything = {hit.passage_id: hit for hit in index.everything()}
    allowed = {ident for ident, hit in everything.items() if may_see(hit, role, customer or None)}
    # with k as large as the index, exactly what may be seen comes back: nothing leaks, and nothing is lost
    mask = index._live().visible(role, customer)  # type: ignore[arg-type]
    assert {
        everything[ident].passage_id for ident, seen in zip(everything, mask, strict=True) if seen
    } == allowed
    queries = [*TOPICS, "LO-100007", "IN-000010", "C-1", "note12 grinder", "咖啡退货", "text70 text80"]
    queries += [" ".join(rng.choices(TOPICS, k=3)) for _ in range(5)] + [
        rng.choice(list(everything.values())).text for _ in range(5)
    ]
    for query in queries:
        for hit in index.search(query, role=role, customer=customer, k=400):  # type: ignore[arg-type]
            assert {hit.passage_id, *hit.also} <= allowed, (query, hit)
    for hit in rng.sample(list(everything.values()), 60):
        opened = index.read(hit.source, role=role, customer=customer)  # type: ignore[arg-type]
        assert {found.passage_id for found in opened} <= allowed
        assert bool(opened) == (hit.passage_id in allowed)


def test_unknown_role_is_refused(index: KnowledgeIndex) -> None:
    with pytest.raises(PermissionDenied, match="Unknown role"):
        index.search("grinder", role="root")  # type: ignore[arg-type]


def test_filters_act_before_ranking_and_lose_nothing(index: KnowledgeIndex) -> None:
    everything = list(index.everything())
    for kind, language, channel, since, until in itertools.product(
        [["article"], ["interaction"], None],
        ["en", "zh", None],
        ["chat", None],
        ["2026-05-01", None],
        ["2026-06-05", None],
    ):
        wanted = {
            hit.passage_id
            for hit in everything
            if (kind is None or hit.kind in kind)
            and (language is None or hit.language == language)
            and (channel is None or hit.channel == channel)
            and (since is None or (hit.at or "") >= since)
            and (until is None or (hit.at is not None and hit.at[:10] <= until))
        }
        hits = index.search("grinder parcel", role="admin", k=30, kinds=kind, language=language,  # type: ignore[arg-type]
                            channel=channel, since=since, until=until)  # fmt: skip
        found = {ident for hit in hits for ident in (hit.passage_id, *hit.also)}
        assert found <= wanted
        assert len(hits) == min(30, len(wanted)) or len(found) >= min(30, len(wanted))


def test_one_of_many_is_found_at_any_selectivity() -> None:
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(5000, 16)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    vectors = FaissVectors.from_matrix(matrix)
    for share in (0.0002, 0.01, 0.2, 0.3, 0.6, 1.0):
        allowed = rng.random(5000) < share
        allowed[7] = True
        question = rng.normal(size=16).astype(np.float32)
        rows, cosines = vectors.search(question, 20, allowed)
        exact = np.flatnonzero(allowed)[np.argsort(-(matrix[allowed] @ question))][:20]
        assert rows.tolist() == exact.tolist()
        assert np.allclose(cosines, matrix[rows] @ question, atol=1e-5)
    assert vectors.search(question, 5, np.zeros(5000, dtype=bool))[0].size == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("IN-000123", "interaction:IN-000123"),
        ("What was in IN-000042?", "interaction:IN-000042"),
        ("order LO-100077 please", "interaction:IN-000077"),
        ("lo-100250", "interaction:IN-000250"),
    ],
)
def test_ids_match_exactly(index: KnowledgeIndex, query: str, expected: str) -> None:
    assert index.search(query, role="agent", k=1)[0].source == expected


def test_hit_as_evidence(index: KnowledgeIndex) -> None:
    article = index.search("Text3", role="visitor", k=1)[0].as_evidence()
    assert isinstance(article, Evidence)
    assert (article.id, article.kind, article.source) == (
        "kb:public/en/a3.md#1",
        "article",
        "public/en/a3.md",
    )
    assert article.text.startswith("About espresso 3\n") and 0 <= article.score <= 1
    letter = index.search("note15", role="agent", k=1)[0].as_evidence()
    assert (letter.id, letter.kind, letter.source) == (
        "interaction:IN-000015",
        "interaction",
        "interaction:IN-000015",
    )


def test_scores_are_ordered_chances(index: KnowledgeIndex) -> None:
    hits = index.search("espresso gasket", role="admin", k=20)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True) and scores[-1] >= 0 and scores[0] <= 1
    # in a vocabulary of ten words everything shares something; what shares nothing stays below the threshold
    assert index.search("xylophone zebra", role="admin", k=1)[0].score < index.threshold


@pytest.mark.parametrize("query", ["", "   ", "?!", "🦜", '" OR *', "a" * 5000, "NEAR(", "the of and"])
def test_odd_questions_do_no_harm(index: KnowledgeIndex, query: str) -> None:
    assert len(index.search(query, role="visitor", k=3)) <= 3


def test_k_and_one_per_source(index: KnowledgeIndex) -> None:
    assert index.search("grinder", role="admin", k=0) == []
    assert len(index.search("grinder", role="admin", k=7)) == 7
    sources = [hit.source for hit in index.search("grinder", role="admin", k=20, one_per_source=True)]
    assert len(sources) == len(set(sources)) == 20


def test_near_duplicates_stand_for_each_other(tmp_path: Path) -> None:
    rows = [
        interaction(n, f"C-{n}", "The parcel never came and nobody answers my letters about it.")
        for n in range(1, 6)
    ]
    rows.append(
        interaction(
            6, "C-6", "The parcel never came and nobody answers my letters about it. Order LO-100001."
        )
    )
    rows.append(interaction(7, "C-7", "The parcel came late."))
    build_index(ListStore(rows), HashedEmbedder(), home=tmp_path, kb_dirs=[])  # type: ignore[arg-type]
    index = KnowledgeIndex.open(tmp_path, HashedEmbedder())
    hits = index.search("parcel never came", role="agent", k=5)
    assert len(hits) == 3  # another order is another matter
    together = next(hit for hit in hits if hit.also)
    assert {together.passage_id, *together.also} == {f"interaction:IN-00000{n}" for n in range(1, 6)}
    mine = index.search("parcel never came", role="customer", customer="C-3", k=5)
    assert [(hit.passage_id, hit.also) for hit in mine] == [("interaction:IN-000003", ())]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("How long is the warranty?", 1),
        ("How long is the warranty and what does shipping cost?", 3),
        ("salt and pepper", 1),
        ("How much is express shipping? Can I return opened coffee?", 3),
        ("礼品卡有效期多久？另外运费是多少？", 3),
    ],
)
def test_split_question(text: str, parts: int) -> None:
    found = split_question(text)
    assert found[0] == text and len(found) == parts


def test_a_long_mail_is_searched_sentence_by_sentence(tmp_path: Path) -> None:
    story = (
        "The kettle was a gift of 21.90 euros from Lind. Our kitchen is finally painted. "
        "I lost the warranty card of my grinder. The espresso tastes fine. My subscription box came early. "
        "The parcel stood in the hall. Kind regards from the office."
    )
    sides = split_question(story)
    assert sides[0] == story and len(sides) == 8
    assert "I lost the warranty card of my grinder." in sides
    assert not any(side.endswith("21.") for side in sides)
    kb = tmp_path / "kb" / "public"
    kb.mkdir(parents=True)
    (kb / "warranty.md").write_text("A lost warranty card of a grinder is replaced.")
    for topic in ("kettle", "espresso", "subscription", "parcel", "kitchen", "office"):
        (kb / f"{topic}.md").write_text(
            f"About {topic}s that came early, were painted, stood, cost or tasted fine."
        )
    build_index(None, HashedEmbedder(), home=tmp_path / "home", kb_dirs=[tmp_path / "kb"])
    index = KnowledgeIndex.open(tmp_path / "home", HashedEmbedder())
    hits = index.search(story, role="visitor", k=2, one_per_source=True)
    assert "public/warranty.md" in {hit.source for hit in hits}


def test_each_side_of_a_question_is_answered(tmp_path: Path) -> None:
    kb = tmp_path / "kb" / "public"
    kb.mkdir(parents=True)
    (kb / "warranty.md").write_text("Grinder warranty lasts two years.")
    (kb / "shipping.md").write_text("Express shipping costs ten euros.")
    for number in range(12):
        (kb / f"grinder{number}.md").write_text(f"Grinder model{number} warranty card colour{number}.")
    build_index(None, HashedEmbedder(), home=tmp_path / "home", kb_dirs=[tmp_path / "kb"])
    index = KnowledgeIndex.open(tmp_path / "home", HashedEmbedder())
    hits = index.search(
        "How long does the grinder warranty last and what does express shipping cost?", role="visitor", k=2
    )
    assert {hit.source for hit in hits} == {"public/warranty.md", "public/shipping.md"}


def test_translation_is_asked_only_where_chinese_finds_nothing(tmp_path: Path) -> None:
    kb = tmp_path / "kb" / "public"
    kb.mkdir(parents=True)
    (kb / "brew.md").write_text("Cold brew needs fourteen hours in the fridge.")
    (kb / "退货.md").write_text("退货：三十天内可以退货，标签三点九欧元。")
    build_index(None, HashedEmbedder(), home=tmp_path / "home", kb_dirs=[tmp_path / "kb"])
    index = KnowledgeIndex.open(tmp_path / "home", HashedEmbedder())
    asked: list[str] = []

    def translate(text: str) -> str:
        asked.append(text)
        return "cold brew fridge hours"

    assert index.search("冷萃放多久", role="visitor", k=1, translate=translate)[0].source == "public/brew.md"
    assert asked == ["冷萃放多久"]
    index.search("how long does cold brew take", role="visitor", translate=translate)
    index.search("三十天内可以退货，标签三点九欧元", role="visitor", translate=translate)
    assert len(asked) == 1


def test_searches_from_many_threads(index: KnowledgeIndex) -> None:
    expected = {topic: index.search(topic, role="customer", customer="C-2") for topic in TOPICS}
    problems: list[str] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(15):
            topic = rng.choice(TOPICS)
            if index.search(topic, role="customer", customer="C-2") != expected[topic]:
                problems.append(topic)
            if any(hit.kind != "article" for hit in index.search(topic, role="visitor")):
                problems.append("leak")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not problems


def test_words() -> None:
    assert segment("Returns of LG-302, 21.90 EUR") == ["return", "of", "lg302", "21.90", "eur"]
    assert segment("退货费") == ["退", "货", "费", "退货", "货费"]
    assert segment("ＬＧ－３０２ Café") == ["lg302", "cafe"]
    assert query_words("How do I return the grinder?") == ["return", "grinder"]
    assert query_words("磨豆机怎么清洁") == ["磨", "豆", "机", "磨豆", "豆机", "清", "洁", "清洁"]
    assert query_words("what is it") == ["what", "is", "it"]
    assert codes("orders LO-100001 and lg-302, not e-mail") == ["lo100001", "lg302"]
    assert codes("我的订单LO-100001什么时候到") == ["lo100001"]
    assert segment("订单LO-100001到哪") == ["订", "单", "订单", "lo100001", "到", "哪", "到哪"]


def test_langchain_retriever_and_jsonl(index: KnowledgeIndex, tmp_path: Path) -> None:
    import json

    from assistant.knowledge import KnowledgeRetriever, export_passages, import_passages

    retriever = KnowledgeRetriever(index=index, role="visitor", k=3, only_above_threshold=False)
    found = retriever.invoke("espresso gasket")
    assert len(found) == 3 and all(document.metadata["audience"] == "public" for document in found)
    count = export_passages(index, tmp_path / "out.jsonl")
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert count == len(records) == 400
    assert import_passages(tmp_path / "out.jsonl", tmp_path / "kb2") == 100
    build_index(None, HashedEmbedder(), home=tmp_path / "home2", kb_dirs=[tmp_path / "kb2"])
    copy = KnowledgeIndex.open(tmp_path / "home2", HashedEmbedder())
    assert {hit.text for hit in copy.search("Text3 espresso", role="visitor", k=100)} <= {
        record["text"] for record in records if record["audience"] == "public"
    }
    assert len({hit.audience for hit in copy.everything()}) == 2


def test_passages_go_to_another_home_by_command(
    index: KnowledgeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    import json

    from click.testing import CliRunner, Result

    from assistant.cli import base, main
    from assistant.settings import get_settings

    def run(home: Path, *arguments: object) -> Result:
        monkeypatch.setenv("CRM_ASSISTANT_HOME", str(home))
        get_settings.cache_clear()
        return CliRunner().invoke(main, ["index", *map(str, arguments)])

    request.addfinalizer(get_settings.cache_clear)
    monkeypatch.setattr(base, "open_embedder", lambda settings: HashedEmbedder())
    file, other = tmp_path / "out.jsonl", tmp_path / "other"
    there = run(index.home, "export", file, "--json")
    assert json.loads(there.output) == {"path": str(file), "passages": 400}
    Store(other / "crm.sqlite").close()
    taken = run(other, "import", file)
    assert taken.exit_code == 0 and "100 documents" in taken.output and "index build" in taken.output
    built = run(other, "build")
    assert built.exit_code == 0, built.output
    assert len(list(KnowledgeIndex.open(other, HashedEmbedder()).everything())) == 100
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": 5}\n', encoding="utf-8")
    for name, said in ((broken, 'one JSON object with "text" per line'), (tmp_path / "words.txt", ".jsonl")):
        name.touch()
        refused = run(other, "import", name)
        assert refused.exit_code == 1 and said in refused.output and "Traceback" not in refused.output
    assert not (other / "articles" / "broken.jsonl").exists()


def test_what_a_customer_said_is_its_own_title_where_that_customer_is_asked_about(
    index: KnowledgeIndex,
) -> None:
    snapshot = index._live()
    allowed = snapshot.visible("agent", "C-2")
    title, coverage = ranking.FEATURES.index("title"), ranking.FEATURES.index("coverage")
    tables = []
    for of_customer in (False, True):
        query = ranking.Query.of(
            "grinder refund kettle",
            HashedEmbedder().encode(["grinder refund kettle"])[0],
            of_customer=of_customer,
        )
        rows = ranking.candidates(snapshot, query, allowed)
        tables.append(ranking.features(snapshot, query, rows))
    said = np.array([snapshot.passage(int(row)).kind == "interaction" for row in rows])
    assert said.any() and not said.all()
    assert (tables[0][said, title] == 0).all()
    assert (tables[1][said, title] == tables[1][said, coverage]).all()
    assert (tables[0][~said] == tables[1][~said]).all()


def test_why_says_what_the_score_is_made_of(index: KnowledgeIndex) -> None:
    query = "About grinder 0, its parcel"
    hits = index.search(query, role="agent", k=5)
    for hit, why in zip(hits, index.why(query, hits), strict=True):
        words = set(query_words(f"{hit.title} {hit.text}"))
        assert set(why["words"]) == set(query_words(query)) & words
        assert (why["coverage"] > 0) == bool(why["words"]) and 0 <= why["cosine"] <= 1.0001
    gone = index.why(query, [dataclasses.replace(hits[0], passage_id="kb:gone.md#1", source="gone.md")])
    assert gone == [{**dict.fromkeys(ranking.FEATURES, 0.0), "words": []}]
