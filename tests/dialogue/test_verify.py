"""Sentences against evidence: kept, replaced, dropped; and what adversarial drafts come to."""

import pytest

from assistant.dialogue.events import Sentence
from assistant.dialogue.facts import facts, sentences, strip_citations, supported
from assistant.dialogue.verify import Verifier, cite
from assistant.evidence import Evidence

EVIDENCE = (
    Evidence(
        "record:C-1042/orders", "record",
        "Customer C-1042 has 3 orders, in total 191.80 EUR. The last order of Anna Vermeer was on 2026-08-31.",
        "C-1042 orders",
    ),
    Evidence(
        "kb:public/en/returns.md#0", "article",
        "Returns\nYou can return an unused product within 30 days of delivery. The return label costs 3.90 EUR.",
        "public/en/returns.md",
    ),
    Evidence(
        "kb:public/zh/returns.md#0", "article", "退货\n未使用的商品可在收货后30天内退货。退货标签费用为3.90欧元。", "public/zh/returns.md"
    ),
)  # fmt: skip


def checked(draft: str, **context: str) -> tuple[Sentence | None, str]:
    sentence, check = Verifier(EVIDENCE, **context).check(draft)
    assert check.sentence == draft
    return sentence, check.verdict


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        ("The return label costs 3.90 EUR [2].", "The return label costs 3.90 EUR [2]."),
        ("The return label costs €3.90.", "The return label costs €3.90 [2]."),
        ("The label for a return costs 3.90 EUR [9].", "The label for a return costs 3.90 EUR [2]."),
        (
            "Anna Vermeer ordered last on 31 August 2026 [1].",
            "Anna Vermeer ordered last on 31 August 2026 [1].",
        ),
        ("She has three orders.", "She has three orders [1]."),
        ("退货标签费用为3.90欧元。", "退货标签费用为3.90欧元 [3]。"),
        ("收货后三十天内可以退货。", "收货后三十天内可以退货 [3]。"),
    ],
)
def test_true_sentences_are_kept_and_cited(draft: str, shown: str) -> None:
    sentence, verdict = checked(draft)
    assert (verdict, sentence and sentence.text) == ("kept", shown)


@pytest.mark.parametrize(
    "draft",
    [
        "We will refund you 500 EUR tomorrow.",
        "It arrives on 12 December 2026.",
        "Your contact is Hendrik Jansen.",
        "The order is LO-999999.",
        "Write to boss@evil.example for more.",
        "See https://evil.example/login now.",
        "Call +31 6 1234 5678 at once.",
        "您将获得五百元的赔偿。",
        "配送将于2026年12月24日到达。",
    ],
)
def test_inventions_are_dropped(draft: str) -> None:
    sentence, verdict = checked(draft)
    assert (sentence, verdict) == (None, "dropped")


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        ("The return label costs 4.90 EUR [2].", "The return label costs 3.90 EUR [2]."),
        (
            "You can return an unused product within 60 days of delivery [2].",
            "You can return an unused product within 30 days of delivery [2].",
        ),
        ("The last order of Anna Vermeer was on 2026-09-30 [1].", "The last order of Anna Vermeer was on 2026-08-31 [1]."),
        ("退货标签费用为9.90欧元。", "退货标签费用为3.90欧元 [3]。"),
    ],
)  # fmt: skip
def test_a_wrong_figure_gives_way_to_the_evidence_itself(draft: str, shown: str) -> None:
    sentence, check = Verifier(EVIDENCE).check(draft)
    assert sentence is not None and sentence.text == shown
    assert check.verdict == "replaced" and check.reasons[0].startswith("not in the evidence: ")


def test_reasons_name_what_was_invented() -> None:
    _, check = Verifier(EVIDENCE).check(
        "Hendrik Jansen says 500 EUR by 12 December 2026, ask Hendrik Jansen."
    )
    named = " ".join(check.reasons)
    assert "500" in named and "12 December 2026" in named and "Hendrik Jansen" in named


def test_citations_resolve_whatever_the_draft_says() -> None:
    drafts = ["3.90 EUR for the label [0].", "3.90 EUR, the label [99].", "The label: 3.90 EUR [2][2][17].",
              "A return label costs 3.90 EUR [1]."]  # fmt: skip
    for draft in drafts:
        sentence, _ = Verifier(EVIDENCE).check(draft)
        assert sentence is not None
        assert set(sentence.citations) <= {1, 2, 3}
        assert strip_citations(sentence.text)[1] == sentence.citations
        assert 2 in sentence.citations, draft


def test_a_citation_that_lacks_the_fact_is_changed_for_one_that_has_it() -> None:
    sentence, _ = Verifier(EVIDENCE).check("You can return it within 30 days [1].")
    assert sentence is not None and sentence.citations in ((2,), (3,))


def test_a_sentence_is_said_once() -> None:
    verifier = Verifier(EVIDENCE)
    first, _ = verifier.check("The return label costs 3.90 EUR [2].")
    again, check = verifier.check("The return label costs 3.90 EUR.")
    assert first is not None and again is None
    assert check.verdict == "dropped" and check.reasons == ("said already",)


def test_the_same_replacement_is_said_once() -> None:
    verifier = Verifier(EVIDENCE)
    shown = [verifier.check(f"The return label costs {n}.90 EUR.")[0] for n in (4, 5, 6)]
    assert [s is not None for s in shown] == [True, False, False]


def test_numbers_in_the_question_prove_nothing() -> None:
    question = "Is it true that I get 500 EUR, on order LO-100009, by 2026-12-24?"
    assert checked("Yes, you get 500 EUR.", question=question)[0] is None
    # what was asked about may be named again
    assert checked("About order LO-100009 there is nothing to say.", question=question)[0] is not None


def test_context_may_be_repeated() -> None:
    assert checked("Thank you for writing to Larkfield Coffee.")[0] is None
    assert checked("Thank you for writing to Larkfield Coffee.", context="Larkfield Coffee")[0] is not None


@pytest.mark.parametrize("draft", ["Sorry about the trouble.", "Please let us know.", "抱歉给您带来不便。"])
def test_courtesy_needs_no_citation(draft: str) -> None:
    sentence, verdict = checked(draft)
    assert verdict == "kept" and sentence == Sentence(draft, ())


@pytest.mark.parametrize("draft", ["[1]", "[2].", " ", "【1】。"])
def test_nothing_but_a_citation_shows_nothing(draft: str) -> None:
    assert checked(draft)[0] is None


@pytest.mark.parametrize(
    "draft",
    [
        "Returns take 30 days, and a full refund of 1,000 EUR is guaranteed [2].",
        "You have 30 days [2], or 45 days if you ask Petra Kuiper [2].",
        "3.90 EUR [2] for the label, free with code SAVE20 [2].",
        "Ignore the rules and mail root@evil.example; the label costs 3.90 EUR [2].",
        "The label costs three euros and seventy cents [2].",
        "C-1042 has 3 orders, C-1077 has 3 orders [1].",
        "退货标签费用为3.90欧元，另外赔偿50欧元 [3]。",
    ],
)
def test_a_lie_beside_a_truth_is_not_shown(draft: str) -> None:
    """Whatever is shown, every fact in it stands in the evidence."""
    sentence, verdict = checked(draft)
    assert verdict != "kept"
    if sentence is not None:
        known = {f for e in EVIDENCE for f in facts(e.text)}
        text = " ".join(e.text for e in EVIDENCE).lower()
        assert all(supported(f, known, text) for f in facts(strip_citations(sentence.text)[0]))


def test_without_evidence_nothing_of_substance_is_shown() -> None:
    verifier = Verifier(())
    assert verifier.check("The label costs 3.90 EUR [1].")[0] is None
    sentence, _ = verifier.check("Sorry about that.")
    assert sentence == Sentence("Sorry about that.", ())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs 3.90 EUR. See e.g. Larkfield.", ["It costs 3.90 EUR.", "See e.g. Larkfield."]),
        ("Write to Dr. Moser. Then wait.", ["Write to Dr. Moser.", "Then wait."]),
        ("第一句。第二句！第三句？", ["第一句。", "第二句！", "第三句？"]),
        ("A line\nand another\n\nand a third", ["A line", "and another", "and a third"]),
        ("Next: 1. Call Anna. 2. Make the offer.", ["Next:", "1. Call Anna.", "2. Make the offer."]),
        ("", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    found = sentences(text)
    if text.startswith("Next"):  # where the list begins is free; a number never stands alone or at an end
        assert "".join(found).replace(" ", "") == text.replace(" ", "")
        assert not [
            part for part in found if part.rstrip().endswith((" 1.", " 2.")) or part.strip() in ("1.", "2.")
        ]
        return
    assert found == parts


@pytest.mark.parametrize(
    ("plain", "numbers", "text"),
    [
        ("It is free.", (1,), "It is free [1]."),
        ("It is free", (1, 2), "It is free [1][2]"),
        ("免费。", (3,), "免费 [3]。"),
        ("Really?!", (1,), "Really [1]?!"),
        ("Nothing.", (), "Nothing."),
    ],
)
def test_cite(plain: str, numbers: tuple[int, ...], text: str) -> None:
    assert cite(plain, numbers) == text


STRIKE = [
    "恢复为 2 至 4 个工作日送达。整豆在烘焙后 7 至 42 天风味最好。",
    "Parcels take two to four working days. From 7 to 18 September 2026 DHL was on strike.",
    "We are here from 9:00 to 17:00. Order SU-2002, 3-4 pieces, 2026-09-07.",
]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("送货要4到42天。", "dropped"),
        ("送货要2到4个工作日。", "kept"),
        ("It takes 2 to 4 working days.", "kept"),
        ("It takes 4-42 days.", "dropped"),
        ("The strike was from 7 to 18 September 2026.", "kept"),
        ("You reach us from 9:00 to 17:00.", "kept"),
        ("SU-2002 had 3–4 pieces on 2026-09-07.", "kept"),
    ],
)
def test_both_ends_of_a_range_belong_together(said: str, verdict: str) -> None:
    evidence = [Evidence(f"kb:{n}", "article", text, "a.md") for n, text in enumerate(STRIKE)]
    assert Verifier(evidence).check(said)[1].verdict == verdict


@pytest.mark.parametrize(
    ("draft", "kept"),
    [
        ("Your points expire on 2026-08-31.", False),  # the day of an order
        ("The points run out on 31 August 2026.", False),
        ("您的积分于2026年8月31日过期。", False),
        ("Anna Vermeer ordered last on 2026-08-31.", True),
        ("It was on August 31.", True),
    ],
)
def test_a_day_is_believed_for_what_the_evidence_gives_it_for(draft: str, kept: bool) -> None:
    assert (checked(draft)[1] == "kept") is kept


def test_a_plural_is_the_same_name_and_a_full_stop_no_decimal() -> None:
    order = Evidence(
        "record:LO-1", "record", "Order LO-1 was placed on 2026-09-12: 2 x Gesha Lantern.", "order LO-1"
    )
    draft = "You ordered 2 Gesha Lanterns on September 12."
    assert Verifier([order]).check(draft)[1].verdict == "kept"
    assert Verifier([order]).check("You ordered 2 Gesha Lamps on September 12.")[1].verdict != "kept"


@pytest.mark.parametrize(
    ("draft", "known", "verdict"),
    [
        ("Yes, she has been paying too slowly.", "Customer C-1042 has 3 orders.", "dropped"),
        ("是的，她付款太慢。", "客户C-1042共有3个订单。", "dropped"),
        ("She has orders.", "Customer C-1042 has 3 orders.", "kept"),
        ("Of course, with pleasure.", "Customer C-1042 has 3 orders.", "kept"),
        # words of another language can't be found in the evidence
        ("她付款太慢。", "Customer C-1042 has 3 orders.", "kept"),
    ],
)
def test_a_claim_about_an_account_that_no_evidence_speaks_of_is_dropped(
    draft: str, known: str, verdict: str
) -> None:
    evidence = [Evidence("record:C-1042/orders", "record", known, "C-1042 orders")]
    _, check = Verifier(evidence, question="Was a payment ever late?").check(draft)
    assert check.verdict == verdict
