"""The page about all models: its parts, its plots, and that it is one file which needs nothing else."""

import json
import re
import shutil
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from assistant.errors import ModelError
from assistant.insight import plots
from assistant.insight.forecast import train_forecast
from assistant.insight.lifetime import train_lifetime
from assistant.insight.recommend import train_recommend
from assistant.insight.report import build_report, write_report
from assistant.insight.report_zh import translate
from assistant.insight.risk import train_scorecard
from assistant.insight.segments import train_segments
from assistant.insight.tables import train_table
from assistant.insight.telling import tell

from .small_shop import small_shop


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a churn model of a table, watched for fairness, and a scorecard."""
    folder = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(1)
    n = 600
    city = rng.choice(["<b>North</b>", "South"], n)
    use = rng.normal(size=n) + 1.5 * (city == "South")
    left = rng.random(n) < 1 / (1 + np.exp(1.5 - use))
    frame = pd.DataFrame(
        {"use": use, "noise": rng.normal(size=n), "city": city, "left": np.where(left, "yes", "no")}
    )
    train_table("churn", frame, "left", home=folder, sensitive=["city"], folds=3)
    train_scorecard(frame, "left", home=folder, drop=["city"], folds=3)
    return folder


@pytest.fixture(scope="module")
def full(home, tmp_path_factory):
    """A copy of it with a record, and with the record's models but the slow ones."""
    folder = tmp_path_factory.mktemp("full")
    shutil.copytree(home / "models", folder / "models")
    with small_shop(folder, customers=75, days=300) as store:
        for train in (train_segments, train_lifetime, train_forecast, train_recommend):
            train(store, home=folder)
        yield folder, store


@pytest.mark.parametrize("what", ["segments", "recommend", "lifetime", "forecast"])
def test_every_model_can_be_asked_by_name(full, what):
    home, shop = full
    if what == "forecast":
        told = tell(what, home, shop)
        assert {v["measure"] for v in told.values} == {"orders", "revenue"} and len(told.lines) == 16
        with pytest.raises(ModelError, match="all customers together"):
            tell(what, home, shop, "c000")
        return
    told = tell(what, home, shop, "c000")
    assert told.lines and len(told.rows[0]) == len(told.head) and json.dumps(told.values)
    with pytest.raises(ModelError, match="no customer 'x'"):
        tell(what, home, shop, "x")
    if what == "recommend":
        with pytest.raises(ModelError, match="one customer"):
            tell(what, home, shop)
    else:
        assert 70 <= len(tell(what, home, shop).values) <= 75


def test_a_page_stands_alone_and_escapes_what_data_say(home, tmp_path):
    sections = write_report(home, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert not re.search(r"(?:src|href)=[\"'](?!#)", page) and "<script" not in page and "url(" not in page
    assert "<b>North" not in page and "&lt;b&gt;North" in page
    assert "prefers-color-scheme: dark" in page
    pictures = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(pictures) == sum(len(s.plots) for s in sections) >= 5
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        assert root.get("role") == "img" and root.get("aria-label")
        assert "nan" not in picture
    for section in sections:
        assert f'href="#{section.key}"' in page and f'id="{section.key}"' in page


def test_figures_are_those_of_the_training_run(home):
    sections = {s.key: s for s in build_report(home, None)}
    churn = sections["churn-table"]
    from assistant.insight.registry import history

    saved = history(home, "churn-table")[0]
    assert ("AUC", f"{saved.metrics['auc']:.3f}") == churn.figures[0][:2]
    kept = churn.tables[0]
    assert kept.rows[kept.marked[0]][0] == saved.report["kept"]
    assert sections["fairness"].plots and any("South" in w for w in sections["fairness"].warnings)
    assert sections["scorecard"].tables[0].rows
    assert "train segments" in sections["segments"].todo


def test_the_page_in_chinese_leaves_names_and_nothing_else_in_english(full, tmp_path):
    home, shop = full
    write_report(home, tmp_path / "en.html", store=shop)
    write_report(home, tmp_path / "zh.html", store=shop, language="zh")
    english, page = ((tmp_path / name).read_text("utf-8") for name in ("en.html", "zh.html"))
    assert '<html lang="zh">' in page and "客户分群" in page and "<b>North" not in page

    def figures(text):
        return sorted(re.findall(r"\d+\.\d+", re.sub(r"<code>.*?</code>", "", text)))

    # translated texts may put their figures in another order, but none is lost or changed; "(no" is the fold's ±
    assert figures(english) == figures(page)
    known = "use noise city left beans tea machine AUC NDCG BG NBD MASE MAE EASE ETS Gamma PSI Brier alpha UTC EUR"
    names = {
        *known.split(" "),
        *[
            "Mult-DAE",
            "ALS",
            "North",
            "South",
            "crm-assistant",
            "models",
            "churn-table",
            "scorecard",
            "Pearson",
        ],
    }
    text = re.sub(r"<style>.*?</style>|<code>.*?</code>", "", page, flags=re.S)
    left = set()
    for node in re.findall(r">([^<>]+)<", text):
        words = re.findall(r"[A-Za-z][A-Za-z-]{2,}", node)
        if [w for w in words if w not in names] and not re.search("[\u4e00-\u9fff]", node):
            left.add(node.strip())
    assert not {n for n in left if " " in n}


def test_stored_sentences_are_translated_with_their_figures():
    assert translate("it alone separates the classes almost perfectly (AUC 0.998)").endswith("（AUC 0.998）")
    assert (
        translate("log_loss 0.2 against 0.3 of the model in place: better")
        == "log_loss 0.2，当前模型为 0.3：更好"
    )
    several = translate("churn-table: city: 70% of South are missed, 5% of North")
    assert several == "churn-table: city：South 中有 70% 被遗漏，North 中有 5%"
    assert translate("Kirinyaga AA") == "Kirinyaga AA"


def test_a_home_without_models_says_what_to_type(tmp_path):
    with pytest.raises(ModelError, match="no models"):
        write_report(tmp_path, tmp_path / "page.html")


@pytest.mark.parametrize(
    "picture",
    [
        plots.bars([("a & b", 0.5), ("<c>", 0.0)], "bars", line=0.2),
        plots.bars([], "nothing"),
        plots.lines(["1", "2", "3"], {"x": [1.0, None, 3.0], "y": [0.0, 0.0, 0.0]}, "lines", band=([None, 0.0, 1.0], [None, 2.0, 4.0])),
        plots.lines(["v1"], {"x": [0.8]}, "one", points=True, zero=False),
        plots.scatter({"s": [(1.0, 2.0, "p")], "t": []}, "points"),
        plots.grouped_bars(["g"], {"rate": [float("nan")], "called": [0.4]}, "groups"),
        plots.calibration([{"predicted": 0.1, "observed": 0.2, "rows": 5}], "calibration"),
    ],
)  # fmt: skip
def test_plots_are_well_formed_whatever_they_show(picture):
    root = ElementTree.fromstring(f"<div>{picture}</div>")
    svg = root.find("svg")
    assert svg is not None and svg.get("aria-label")
    numbers = [
        float(v) for e in svg.iter() for k, v in e.attrib.items() if k in ("x", "y", "width", "cx", "cy", "r")
    ]
    assert all(np.isfinite(numbers)) and "nan" not in picture.replace("none", "")


def test_scale_has_round_ends_around_the_values():
    low, high, ticks = plots._scale(0.03, 0.87, True)
    assert low == 0 and high >= 0.87 and 4 <= len(ticks) <= 7
    assert plots._scale(5.0, 5.0, False)[0] < 5.0 < plots._scale(5.0, 5.0, False)[1]


def test_the_record_tells_of_its_imports_and_features(full, tmp_path):
    from assistant.crm import import_file
    from assistant.insight.report_record import record_part

    _, shop = full
    assert record_part(None).todo
    before = {t.title: t for t in record_part(shop).tables}
    assert list(before) == ["What is read of each customer, with the value in the middle"]
    path = tmp_path / "more.csv"
    path.write_text("order,customer,date,total\nX1,c001,2026-05-01,5.00\nX2,,2026-05-01,5.00\n")
    with small_shop(tmp_path, customers=10, days=60) as store:
        import_file(store, "orders", path)
        imports, features = record_part(store, "zh").tables
    assert imports.rows[0][1] == "orders" and imports.rows[0][3:] == ["1", "1"]
    assert imports.marked == [0] and any("订单" in row[0] for row in features.rows)
