import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from assistant.crm import Store, import_file
from assistant.errors import ModelError
from assistant.insight import contest, recommend
from assistant.insight.ranking import (
    Again,
    Ease,
    Factors,
    Histories,
    ItemItem,
    Log,
    Popularity,
    Together,
    UserUser,
    make_log,
)
from assistant.insight.recommend import Recommender, train_recommend
from assistant.insight.registry import TrainReport, load_model

from .small_shop import TASTES, orders_only, small_shop

RETAIL = Path(__file__).parents[3] / "shared" / "data" / "online_retail_uci"
DAY = pd.Timestamp("2026-01-31")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with small_shop(tmp_path_factory.mktemp("shop")) as store:
        yield store


Phases = list[tuple[int, int | None]]


@pytest.fixture(scope="module")
def trained(shop: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainReport, Path, Phases]:
    phases: Phases = []
    home = tmp_path_factory.mktemp("home")
    report = train_recommend(
        shop, home=home, progress=lambda phase, done, total: phases.append((done, total))
    )
    return report, home, phases


@pytest.fixture(scope="module")
def model(trained: tuple[TrainReport, Path, Phases]) -> Recommender:
    """As it is used: learnt, saved and loaded."""
    model: Recommender = load_model(trained[1], "recommend")
    return model


def _log(rows: list[tuple[str, str, str, int]], customers: list[str], products: list[str]) -> Log:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "product_id", "days"])
    frame["at"] = DAY - pd.to_timedelta(frame["days"], unit="D")
    return make_log(frame, customers, products, DAY)


@pytest.fixture(scope="module")
def two_tastes() -> tuple[Log, Histories]:
    """Twenty customers buy a and b together, twenty c and d; the last one bought only a."""
    rows = []
    for k in range(40):
        for product in "ab" if k < 20 else "cd":
            rows.append((f"u{k}", f"o{k}", product, 10 + k))
    rows.append(("u40", "o40", "a", 5))
    log = _log(rows, [f"u{k}" for k in range(41)], list("abcd"))
    return log, log.histories()


@pytest.mark.parametrize(
    "ranker",
    [
        ItemItem(), ItemItem("pearson"), UserUser(), UserUser("pearson"), Ease(ridge=5.0), Factors(factors=4),
        Together(),
    ],
    ids=lambda r: f"{type(r).__name__} {getattr(r, 'similarity', '')}",
)  # fmt: skip
def test_collaborative_rankers_find_the_companion(ranker, two_tastes) -> None:
    log, histories = two_tastes
    scores = ranker.fit(log, histories).score(histories.rows([40]))[0]
    assert scores[1] > max(scores[2], scores[3])  # b, not c or d


def test_rankers_score_customers_they_never_saw(two_tastes) -> None:
    log, histories = two_tastes
    stranger = _log([("new", "o", "c", 1)], ["new"], list("abcd")).histories()
    for ranker in (ItemItem(), UserUser(), Ease(), Factors(factors=4), Together(), Again(rest=Ease())):
        scores = ranker.fit(log, histories).score(stranger)
        assert scores.shape == (1, 4)
        assert scores[0, 3] > scores[0, 1]


def test_item_similarities_equal_numpy(two_tastes) -> None:
    log, histories = two_tastes
    dense = histories.bought.toarray().astype(float)
    cosine = dense.T @ dense / np.outer(np.linalg.norm(dense, axis=0), np.linalg.norm(dense, axis=0))
    both = dense.T @ dense
    shrink = both / (both + 5.0)
    for kind, expected in (("cosine", cosine), ("pearson", np.corrcoef(dense.T))):
        found = ItemItem(kind).fit(log, histories).pull_
        np.testing.assert_allclose(found, expected * shrink * (1 - np.eye(4)), atol=1e-6)


def test_ease_equals_constrained_least_squares(two_tastes) -> None:
    """Column by column: ridge regression of a product on all the others."""
    log, histories = two_tastes
    x = histories.bought.toarray().astype(float)
    found = Ease(ridge=3.0).fit(log, histories).pull_
    for j in range(4):
        others = [k for k in range(4) if k != j]
        a = x[:, others]
        weights = np.linalg.solve(a.T @ a + 3.0 * np.eye(3), a.T @ x[:, j])
        np.testing.assert_allclose(found[others, j], weights, atol=1e-5)
    assert np.all(np.diag(found) == 0)


def test_bought_before_and_when_due() -> None:
    rows = [("u", f"o{n}", "a", 3 + 30 * n) for n in range(5)]  # every 30 days, the last 3 days ago
    rows += [("u", f"p{n}", "b", 31 + 30 * n) for n in range(4)]  # every 30 days, due now
    log = _log(rows, ["u"], ["a", "b", "c"])
    histories = log.histories()
    assert np.argmax(Again().fit(log, histories).score(histories)[0]) == 0
    assert np.argmax(Again(due=True).fit(log, histories).score(histories)[0]) == 1
    assert histories.since.toarray()[0].tolist() == [3.0, 31.0, 0.0]


def test_measure_by_hand() -> None:
    log = _log([("u", "o1", p, 5) for p in "abc"] + [("v", "o2", "a", 5)], ["u", "v"], list("abc"))
    histories = log.histories()
    popularity = Popularity().fit(log, histories)  # a 2, b 1, c 1: ranked a, b, c
    none = sp.csr_matrix((2, 3))
    found = contest.measure(popularity, histories, {0: {1}, 1: {0, 2}}, none)
    assert found.recall_10 == 1.0 and found.coverage == 1.0 and found.customers == 2
    first = 1 / np.log2(3)
    second = (1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert found.ndcg_10 == pytest.approx((first + second) / 2)
    banned = sp.csr_matrix(np.array([[0, 1, 0], [0, 0, 0]], dtype=float))
    assert contest.measure(popularity, histories, {0: {1}}, banned).ndcg_10 < first


def test_the_best_is_kept_and_beats_popularity(model: Recommender) -> None:
    m = model.metrics
    assert m["kept"] != "popularity"
    assert m["ndcg_at_10"] > m["popularity_ndcg_at_10"] + m["ndcg_at_10_sd"]
    assert set(model.table_["all"]) == set(contest.candidates())
    assert not model.left_out_
    assert "SHIP" not in model._ids  # postage is no product


def test_same_record_same_model(shop: Store, model: Recommender) -> None:
    """Before the tests that change the record."""
    again = Recommender().fit(shop)
    assert again.metrics == model.metrics
    assert again.recommend(shop, "c007", n=5) == model.recommend(shop, "c007", n=5)


def test_recommends_own_taste_with_reasons(model: Recommender, shop: Store) -> None:
    found = model.recommend(shop, "c003", n=3)
    assert {r.product_id for r in found} == set(TASTES["dark"])
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)
    for r in found:
        assert r.kind == "again" and "you bought it" in r.reason_en and "您买过" in r.reason_zh
        assert r.name.startswith("Bean") and r.name_zh.endswith("号豆")
        assert r.because == r.product_id
    fresh = model.recommend(shop, "c003", n=20, new_only=True)
    had = {line["product_id"] for order in shop.orders("c003") for line in order["lines"]}
    assert fresh and not had & {r.product_id for r in fresh}
    assert any(r.reason_en.startswith("because you bought ") and r.because in had for r in fresh)


def test_owned_machines_and_their_like_are_not_offered(model: Recommender, shop: Store) -> None:
    owners = [c for c in ("c000", "c004", "c006", "c010") if _owns(shop, c)]
    assert owners
    for customer in owners:
        for new_only in (False, True):
            found = {r.product_id for r in model.recommend(shop, customer, n=20, new_only=new_only)}
            assert found and not found & {"M-1", "M-2"}
    without = next(c["id"] for c in shop.customers() if not _owns(shop, c["id"]))
    assert {"M-1", "M-2"} & {r.product_id for r in model.recommend(shop, without, n=20, new_only=True)}


def _owns(shop: Store, customer: str) -> bool:
    bought = {line["product_id"] for order in shop.orders(customer) for line in order["lines"]}
    return bool(bought & {"M-1", "M-2"})


def test_inactive_new_and_later_bought_products(model: Recommender, shop: Store) -> None:
    shop.upsert(
        "products",
        [{"id": "B-1", "name": "Bean 1", "active": 0}, {"id": "B-9", "name": "Bean 9", "category": "beans"}],
    )
    try:
        found = {r.product_id: r for r in model.recommend(shop, "c003", n=12)}
        assert "B-1" not in found
        assert found["B-9"].kind == "fresh" and "you bought" in found["B-9"].reason_en
        assert "B-1" not in dict(model.similar(shop, "B-2")) and "B-3" in dict(
            model.similar(shop, "B-2", n=2)
        )
    finally:
        shop.upsert(
            "products",
            [{"id": "B-1", "name": "Bean 1", "active": 1}, {"id": "B-9", "name": "Bean 9", "active": 0}],
        )


def test_newcomers_get_what_their_country_buys(model: Recommender, shop: Store) -> None:
    shop.upsert(
        "customers", [{"id": "n1", "country": "Germany"}, {"id": "n2"}, {"id": "n3", "country": "Atlantis"}]
    )
    german = model.recommend(shop, "n1", n=3)
    assert {r.product_id for r in german} == set(TASTES["tea"])
    assert all("in Germany" in r.reason_en and "Germany" in r.reason_zh for r in german)
    for customer in ("n2", "n3"):
        found = model.recommend(shop, customer, n=3)
        assert len(found) == 3 and all(r.reason_en == "popular with our customers" for r in found)
    # one order later the newcomer is a customer with a taste
    day = "2026-06-30"
    line = {"product_id": "B-4", "quantity": 1, "amount": 14.0}
    shop.upsert(
        "orders",
        [{"id": "n2-1", "customer_id": "n2", "ordered_at": day, "status": "placed", "lines": [line]}],
    )
    again = model.recommend(shop, "n2", n=3)
    assert len({r.product_id for r in again} & set(TASTES["light"])) >= 2


def test_unknown_customer(model: Recommender, shop: Store) -> None:
    with pytest.raises(ModelError, match="no customer 'c00x'") as error:
        model.recommend(shop, "c00x")
    assert "c00" in error.value.hint


def test_cancelled_orders_are_no_purchases(model: Recommender, shop: Store) -> None:
    shop.upsert("customers", [{"id": "n9"}])
    line = {"product_id": "T-1", "quantity": 1, "amount": 7.0}
    order = {
        "id": "n9-1",
        "customer_id": "n9",
        "ordered_at": "2026-06-01",
        "status": "cancelled",
        "lines": [line],
    }
    shop.upsert("orders", [order])
    assert {r.kind for r in model.recommend(shop, "n9", n=3)} == {"popular"}


def test_training_saves_and_loads(
    trained: tuple[TrainReport, Path, Phases], model: Recommender, shop: Store
) -> None:
    report, _, phases = trained
    assert report.version == model.version == "v1" and report.metrics["recall_at_10"] > 0
    assert phases[-1][0] <= phases[-1][1]
    assert [r.product_id for r in model.recommend(shop, "c003", n=3)]
    assert len(pickle.dumps(model)) < 2_000_000


def test_without_the_optional_library(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing(Popularity):
        def _learn(self, log, histories) -> None:
            raise ImportError("No module named 'implicit'", name="implicit")

    monkeypatch.setattr(
        recommend, "candidates", lambda: {"popularity": Popularity(), "als": Missing(), "again": Again()}
    )
    found = Recommender().fit(shop)
    assert found.left_out_ == [{"column": "als", "reason": "not installed: implicit"}]
    assert found.kept_ == "again"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no orders"),
        ([("a", "2026-01-01", 5.0)], "no orders"),  # orders without lines
    ],
)
def test_records_without_lines(rows, says, tmp_path: Path) -> None:
    with orders_only(tmp_path, rows) as store, pytest.raises(ModelError, match=says):
        Recommender().fit(store)


def test_too_few_customers(tmp_path: Path) -> None:
    with (
        small_shop(tmp_path, customers=12) as store,
        pytest.raises(ModelError, match="Too few customers") as error,
    ):
        Recommender().fit(store)
    assert error.value.hint


@pytest.mark.skipif(not RETAIL.is_dir(), reason="the retail files are not there")
def test_retail_recall_is_a_quarter_better_than_popularity(tmp_path: Path, monkeypatch) -> None:
    kept = ("popularity", "bought before, then EASE", "linear autoencoder (EASE)")
    everything = contest.candidates
    monkeypatch.setattr(recommend, "candidates", lambda: {k: v for k, v in everything().items() if k in kept})
    with Store(tmp_path / "crm.sqlite") as store:
        for file in ("france.csv", "germany.csv"):
            import_file(store, "orders", RETAIL / file)
        metrics = Recommender(windows=2).fit(store).metrics
    assert metrics["recall_at_10"] >= 1.25 * metrics["popularity_recall_at_10"]
