"""Offers and their rules: what is kept, and what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import AssistantError
from assistant.web.offers import RULES, checked, rules

GOOD = {
    "id": "OF-1",
    "name": "Ten",
    "kind": "discount",
    "value": 10,
    "terms": "10 percent off.",
    "active": True,
}


def test_an_offer_is_kept_as_the_policy_reads_it() -> None:
    row = checked(
        GOOD | {"rules": '{"risk": ["high"], "max_per_days": 90}', "valid_to": "2026-12-31", "name_zh": " "}
    )
    assert json.loads(row["rules"]) == {"risk": ["high"], "max_per_days": 90}
    assert (row["active"], row["name_zh"], row["valid_from"], row["valid_to"]) == (
        1,
        None,
        None,
        "2026-12-31",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": " "}, {"name": ""}, {"terms": ""}, {"kind": "loan"}, {"value": 0}, {"value": 101}, {"value": -5, "kind": "gift"},
        {"valid_from": "tomorrow"}, {"valid_from": "2026-12-31", "valid_to": "2026-01-01"}, {"rules": "{"}, {"rules": "[]"},
        {"rules": '{"colour": 1}'}, {"rules": '{"risk": "high"}'}, {"rules": '{"risk": ["awful"]}'}, {"rules": '{"tiers": []}'},
        {"rules": '{"max_per_days": "90"}'}, {"rules": '{"max_per_days": true}'}, {"rules": '{"needs_consent": 1}'},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssistantError):
        checked(GOOD | wrong)


def test_the_rules_are_those_that_the_policy_reads() -> None:
    import assistant.dialogue.offers as policy

    read = set(re.findall(r"rules(?:\.get\(|\[)\"(\w+)\"", Path(policy.__file__).read_text()))
    assert read == set(RULES) and rules("{}") == {}


def test_every_offer_of_the_demo_company_can_be_saved_as_it_is() -> None:
    from assistant.crm.demo.catalogue import offer_rows

    for row in offer_rows():
        assert json.loads(checked(row)["rules"]) == json.loads(row["rules"])


def test_an_offer_that_went_out_counts_and_its_answer_can_be_taken_back(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from assistant.web.fields import Acts
    from assistant.web.offers_made import OffersMade

    context, acts, asked = house.state.context, Acts(), []

    def advise(tools: Any, policy: Any) -> str:
        asked.append(tools.session.customer)
        return ", ".join(sorted(o["id"] for o in policy["offers"]))

    store, made = context.store, OffersMade(context, advise)
    monkeypatch.setattr(context, "staff", lambda *_: SimpleNamespace(name="marieke", role="agent"))
    store.upsert(
        "offers",
        [
            {"id": "OF-1", "name": "Ten", "kind": "discount", "value": 10, "terms": "10 percent off.",
             "rules": json.dumps({"max_per_days": 90}), "active": 1},
            {"id": "OF-2", "name": "Gold", "kind": "gift", "value": 5, "terms": "A bag.",
             "rules": json.dumps({"tiers": ["Gold"]}), "active": 1},
        ],
    )  # fmt: skip

    def choices(shown: tuple[Any, ...]) -> tuple[list[str], list[int]]:
        return [value for _, value in shown[3]["choices"]], [value for _, value in shown[5]["choices"]]

    nobody: Any = None  # who asks is looked up in the house, which says marieke
    acts.on = "C-1001"
    with pytest.warns(UserWarning, match="doesn't allow"):
        made.sent("C-1001", "OF-1", "pigeon", acts, nobody)
    with pytest.warns(UserWarning, match="doesn't allow"):  # Tom's consent is missing
        shown = made.sent("C-1002", "OF-1", "email", acts, nobody)
    assert len({str(part) for part in shown}) == 1 and asked == ["C-1001"], "another account is on the screen"
    shown = made.sent("C-1001", "OF-1", "email", acts, nobody)
    assert "no answer yet" in shown[1] and choices(shown)[0] == ["OF-2"], "once in 90 days"
    assert shown[6] == "OF-2"
    (number,) = choices(shown)[1]
    with pytest.warns(UserWarning, match="Choose an offer"):
        made.answered("C-1003", number, "accepted", acts, nobody)
    assert "accepted" in made.answered("C-1001", number, "accepted", acts, nobody)[1]
    assert store.offer_answers()["OF-1"] == (1, 1) and store.offers_accepted("OF-1", "2020-01-01") == 1
    assert "no answer yet" in made.answered("C-1001", number, "sent", acts, nobody)[1]
    assert store.offers_accepted("OF-1", "2020-01-01") == 0
    noted = [row["action"] for row in store.audit_log(10)]
    assert noted[:3] == ["offer answered", "offer answered", "offer sent"]
