"""The page about all models: its parts, its plots, and that it is one file which needs nothing else."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from assistant.errors import ModelError
from assistant.insight import plots
from assistant.insight.report import build_report, write_report
from assistant.insight.risk import train_scorecard
from assistant.insight.tables import train_table


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
