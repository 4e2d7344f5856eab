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
