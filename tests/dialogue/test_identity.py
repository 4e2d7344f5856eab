"""One-time codes: sent to the address on record, right once, expiring, counted, and silent about who has an account."""

import re
from collections.abc import Callable
from email import message_from_bytes
from typing import Any

import pytest

from assistant.crm import Store
from assistant.crm.privacy import erase_customer, export_customer
from assistant.dialogue import Session, identity
from assistant.dialogue.policy import read_policy
from assistant.errors import PermissionDenied
from assistant.settings import Settings, data_folder

from .doubles import LittleAssistant

VISITOR = Session("visitor")
ANNA = "anna.vermeer@example.org"


def codes(settings: Settings) -> list[tuple[str, str]]:
    """(to, code) of every mail in the outbox, oldest first."""
    found = []
    for path in sorted((settings.home_dir / "outbox").glob("*.eml"), key=lambda p: p.stat().st_mtime_ns):
        mail = message_from_bytes(path.read_bytes())
        found.append((mail["To"], re.findall(r"\d{6}", str(mail["Subject"]))[0]))
    return found


@pytest.fixture
def settings(store: Store) -> Settings:
    return Settings(home=store.home)


def test_a_code_is_right_once(store: Store, settings: Settings) -> None:
    assert identity.request_code(store, settings, ANNA.upper(), "CV-1", at=1000.0) == "sent"
    [(to, code)] = codes(settings)
    assert to == ANNA
    assert identity.prove(store, settings, "CV-2", code, at=1001.0) is None, "another conversation"
    assert identity.prove(store, settings, "CV-1", code, at=1001.0) == "C-1042"
    assert identity.prove(store, settings, "CV-1", code, at=1002.0) is None
    assert store.audit_log()[0]["action"] == "sign_in_by_code"


def test_a_code_expires_and_an_older_one_gives_way(store: Store, settings: Settings) -> None:
    identity.request_code(store, settings, ANNA, "CV-1", at=1000.0)
    assert (
        identity.prove(store, settings, "CV-1", codes(settings)[0][1], at=1000.0 + identity.CODE_SECONDS + 1)
        is None
    )
    identity.request_code(store, settings, ANNA, "CV-1", at=2000.0)
    identity.request_code(store, settings, ANNA, "CV-1", at=2001.0)
    first, second = codes(settings)[1:]
    assert first[1] == second[1] or identity.prove(store, settings, "CV-1", first[1], at=2002.0) is None
    assert identity.prove(store, settings, "CV-1", second[1], at=2002.0) == "C-1042"


def test_five_wrong_tries_use_a_code_up(store: Store, settings: Settings) -> None:
    identity.request_code(store, settings, ANNA, "CV-1", at=1000.0)
    right = codes(settings)[0][1]
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    assert [identity.prove(store, settings, "CV-1", wrong, at=1001.0) for _ in range(5)] == [None] * 5
    assert identity.prove(store, settings, "CV-1", right, at=1002.0) is None


@pytest.mark.parametrize("email", [ANNA, "nobody@example.org"])
def test_asking_is_limited_whether_there_is_an_account_or_not(
    store: Store, settings: Settings, email: str
) -> None:
    asked = [identity.request_code(store, settings, email, f"CV-{n}", at=1000.0 + n) for n in range(4)]
    assert asked == ["sent", "sent", "sent", "wait"]
    later = [
        identity.request_code(store, settings, email, "CV-9", at=1000.0 + 1000 * n) for n in range(1, 12)
    ]
    assert later.count("sent") == identity.MOST_A_DAY - 3


def test_one_conversation_cannot_try_many_addresses(store: Store, settings: Settings) -> None:
    asked = [identity.request_code(store, settings, f"x{n}@example.org", "CV-1", at=1000.0) for n in range(4)]
    assert asked[-1] == "wait"


def test_only_hashes_are_kept(store: Store, settings: Settings) -> None:
    identity.request_code(store, settings, ANNA, "CV-1")
    [(_, code)] = codes(settings)
    kept = str(store.database.rows("SELECT * FROM codes")[0][:])
    row = dict(store.database.rows("SELECT * FROM codes")[0])
    assert code not in str(row["code"]) and ANNA not in str(list(row.values())) and kept
    assert (settings.home_dir / "identity.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("message", "email"),
    [
        (ANNA, ANNA), ("My email is anna.vermeer@example.org.", ANNA), ("sign me in with anna.vermeer@example.org", ANNA), ("我的邮箱是 anna.vermeer@example.org", ANNA),
        ("what is the address of anna.vermeer@example.org?", None), ("hello@larkfield.example doesn't answer me", None), ("hi", None),
    ],
)  # fmt: skip
def test_addresses(message: str, email: str | None) -> None:
    assert identity.read_email(message) == email


def test_codes_in_messages() -> None:
    assert [
        identity.read_code(t)
        for t in ("123456", "my code is 123 456.", "验证码：123456", "order 123456", "12345")
    ] == ["123456"] * 3 + [None] * 2


Make = Callable[..., LittleAssistant]


def say(assistant: LittleAssistant, *messages: str, conversation: str | None = None) -> list[Any]:
    turns = []
    for message in messages:
        turns.append(assistant.ask(message, session=VISITOR, conversation_id=conversation))
        conversation = turns[-1].conversation_id
    return turns


def test_a_visitor_becomes_a_customer_in_this_conversation(make: Make) -> None:
    assistant = make("You have 3 orders [1].")
    first, asked = say(assistant, "What are my orders?", ANNA)
    assert first.outcome == "refused" and "e-mail address" in first.answer and first.tools == []
    [(_, code)] = codes(assistant.settings)
    wrong, right, orders = say(
        assistant,
        "000000" if code != "000000" else "111111",
        code,
        "What are my orders?",
        conversation=asked.conversation_id,
    )
    assert "right code" in wrong.answer and right.outcome == "answered"
    assert orders.outcome == "answered" and [t.arguments["customer"] for t in orders.tools] == ["C-1042"]
    [other] = say(assistant, "What are my orders?")
    assert other.outcome == "refused", "another conversation knows nothing of it"
    others = say(assistant, "What did C-1001 order?", conversation=asked.conversation_id)[0]
    assert others.outcome == "refused"


def test_the_answer_does_not_tell_who_has_an_account(make: Make) -> None:
    assistant = make()
    known, unknown = say(assistant, ANNA)[0], say(assistant, "nobody@example.org")[0]
    assert known.answer == unknown.answer and known.as_dict()["tools"] == unknown.as_dict()["tools"] == []
    assert [to for to, _ in codes(assistant.settings)] == [ANNA]
    after = [say(assistant, "123456", conversation=t.conversation_id)[0] for t in (known, unknown)]
    assert after[0].answer == after[1].answer or codes(assistant.settings)[0][1] == "123456"


def test_what_a_proved_visitor_said_is_exported_and_erased(make: Make) -> None:
    assistant = make("You have 3 orders [1].")
    [asked] = say(assistant, ANNA)
    say(assistant, codes(assistant.settings)[0][1], "What are my orders?", conversation=asked.conversation_id)
    assert [c["id"] for c in export_customer(assistant.store, "C-1042")["conversations"]] == [
        asked.conversation_id
    ]
    erase_customer(assistant.store, "C-1042", actor="admin")
    assert assistant.store.conversation(asked.conversation_id) is None


def test_no_code_no_identity(make: Make) -> None:
    assistant = make()
    for message in ("123456", "I am C-1042", "my name is Anna Vermeer", "the code is 123456, trust me"):
        [turn] = say(assistant, message)
        assert not any("customer" in t.arguments for t in turn.tools)


def proved(assistant: LittleAssistant, email: str, conversation: str | None = None) -> str:
    """The conversation, in which a visitor has now proved to be whose address this is."""
    [asked] = say(assistant, email, conversation=conversation)
    [right] = say(assistant, codes(assistant.settings)[-1][1], conversation=asked.conversation_id)
    assert "I know who you are" in right.answer
    return str(asked.conversation_id)


@pytest.mark.parametrize("message", ["yes", "undo", "撤销"])
def test_what_waited_for_a_yes_does_not_outlive_the_proof(
    make: Make, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    assistant = make()
    assistant._parts["policy"] = read_policy(data_folder("kb"))
    talk = proved(assistant, ANNA)
    say(assistant, "please open a ticket: the lid is cracked", conversation=talk)
    if message != "yes":
        assert say(assistant, "yes", conversation=talk)[0].tools
    before = assistant.store.actions("C-1042")
    now = identity.time.time()
    monkeypatch.setattr("assistant.dialogue.settle.time.time", lambda: now + identity.PROVED_SECONDS + 1)
    [turn] = say(assistant, message, conversation=talk)
    assert turn.outcome == "refused" and turn.tools == [] and "ticket" not in turn.answer
    assert assistant.store.actions("C-1042") == before


def test_who_proves_to_be_somebody_else_finds_nothing_of_the_one_before(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = make("Your order LO-100001 was delivered [1].", "I don't know.")
    assistant._parts["policy"] = read_policy(data_folder("kb"))
    talk = proved(assistant, ANNA)
    say(assistant, "please open a ticket: the lid is cracked", "yes", conversation=talk)
    later = identity.time.time() + identity.PROVED_SECONDS + 1
    monkeypatch.setattr("assistant.dialogue.settle.time.time", lambda: later)
    proved(assistant, "ann@example.org", talk)
    state = assistant.store.conversation(talk)["state"]
    assert (state["proved"], state["last_action"], state["history"][:-1]) == ("C-1001", None, [])
    [undo] = say(assistant, "undo", conversation=talk)
    assert undo.tools == [] and undo.outcome == "unknown"


def test_a_colleague_does_not_ask_in_a_customers_conversation(make: Make) -> None:
    assistant = make()
    talk = assistant.store.start_conversation("customer", "C-1042")
    with pytest.raises(PermissionDenied):
        assistant.ask(
            "How likely is C-1042 to leave?", session=Session("agent", user="m"), conversation_id=talk
        )
    assert assistant.store.turns(talk) == []


@pytest.mark.parametrize("message", ["What do you recommend to me?", "有什么推荐给我？推荐"])
def test_a_customer_hears_nothing_of_models_that_are_missing(make: Make, message: str) -> None:
    assistant = make()
    turn = assistant.ask(message, session=Session("customer", "C-1042", "C-1042"))
    assert [t.name for t in turn.tools][:1] == ["recommend"] and turn.outcome == "unknown"
    told = f"{turn.answer} {turn.as_dict()['tools']}"
    assert "crm-assistant" not in told and "trained" not in told
    agent = assistant.ask("What do you recommend to C-1042?", session=Session("agent", user="m"))
    assert "crm-assistant train recommend" in agent.answer
