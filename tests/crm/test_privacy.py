"""Personal data: found in text, handed out in one piece, and gone when it should be gone."""

import json
from pathlib import Path

import pytest

from assistant.crm import Store, import_file
from assistant.crm.masking import find, is_chinese_id, is_iban, is_luhn, mask
from assistant.crm.privacy import erase_customer, export_customer
from assistant.errors import RecordError

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Mail jan.de-vries+shop@larch.example, thanks", "Mail [EMAIL], thanks"),
        ("发到wang@larch.example谢谢", "发到[EMAIL]谢谢"),
        ("Ring +31 30 555 0142.", "Ring [PHONE]."),
        ("06-12345678", "[PHONE]"),
        ("Tel: 030/5550142", "Tel: [PHONE]"),
        ("call me on 555 0142", "call me on [PHONE]"),
        ("Fax 986.291.2294x751", "Fax [PHONE]"),
        ("(020) 555 0123", "[PHONE]"),
        ("手机13812345678", "手机[PHONE]"),
        ("电话010-55501234，谢谢", "电话[PHONE]，谢谢"),
        ("IBAN NL91 ABNA 0417 1643 00 Please refund", "IBAN [IBAN] Please refund"),
        ("de89370400440532013000", "[IBAN]"),
        ("GB83 WEST 1234 5698 7654 32", "GB83 WEST 1234 5698 7654 32"),
        ("my IBAN is GB83 WEST 1234 5698 7654 32", "my IBAN is [IBAN]"),
        ("card 4111 1111 1111 1111 exp 12/27", "card [CARD] exp 12/27"),
        ("5555555555554444", "[CARD]"),
        ("number 5555555555554445 on the box", "number 5555555555554445 on the box"),
        ("my card 4111 1111 1111 1112 was declined", "my card [CARD] was declined"),
        ("身份证11010519491231002X", "身份证[ID_NUMBER]"),
        ("SSN: 531-21-7351", "SSN: [ID_NUMBER]"),
        ("my passport number is NX1234567", "my passport number is [ID_NUMBER]"),
        ("from 10.20.30.40 today", "from [IP] today"),
        ("Nassaukade 12b, 1052 CE Amsterdam", "[ADDRESS]"),
        ("ich wohne Lindenstraße 5, 10969 Berlin", "ich wohne [ADDRESS]"),
        ("I live at 14 Bridge Street, Galway and like it", "I live at [ADDRESS] and like it"),
        ("12, rue des Lilas, 75011 Paris", "[ADDRESS]"),
        ("请送到上海市静安区南京西路1266号3201室，谢谢", "请送到[ADDRESS]，谢谢"),
        ("P.O. Box 4410", "[ADDRESS]"),
        ("my postcode is 3511 AB", "my postcode is [ADDRESS]"),
    ],
)
def test_personal_data_is_masked(text, masked):
    assert mask(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "Order LO-100123 of 2026-09-14, 3 bags at 12.90 EUR, total 1.234.567,00",
        "my order number is 100234567, when does it come?",
        "tracking 00340434161094042557",
        "订单号 202409150001234 什么时候到",
        "18.5 g in, 36 g out, 28 s at 93.5 degrees",
        "between 2024-2025 we bought 12 345 678 beans",
        "open 9:00-18:00, Mon-Fri, since 14.03.2019",
        "Send it to me before 5 pm",
        "I moved to Cork in 2024",
        "2 km down the road, 5 days on the way",
        "C-1042, SU-2001, LB-104 x 3",
        "version 1.2.3.4",
        "",
    ],
)
def test_other_numbers_are_left_alone(text):
    assert mask(text) == (text, [])


def test_spans_point_into_the_given_text_in_order():
    text = "Mail a@b.example or ring +31 30 555 0142"
    spans = find(text)
    assert [(text[span["start"] : span["end"]], span["type"]) for span in spans] == [
        ("a@b.example", "email"),
        ("+31 30 555 0142", "phone"),
    ]


def test_long_text_takes_no_time():
    import time

    start = time.perf_counter()
    for text in (
        "1 " * 50_000,
        "a" * 100_000,
        "12 Aa " * 20_000,
        "路" * 50_000,
        "0-" * 50_000,
        "Ab" * 50_000,
    ):
        mask(text)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (is_luhn, "4111111111111111", "4111111111111121"),
        (is_iban, "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"),
        (is_chinese_id, "11010519491231002X", "110105194912310021"),
    ],
)
def test_check_digits(check, good, bad):
    assert check(good) and not check(bad)


def test_recall_and_precision_on_sentences_of_others():
    path = SHARED / "presidio_pii" / "generated_small.json"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    types = {"PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "EMAIL_ADDRESS": "email", "US_SSN": "id_number",
             "IP_ADDRESS": "ip", "ADDRESS": "address"}  # fmt: skip
    wanted, found, right, false = {}, {}, {}, 0
    for item in json.loads(path.read_text(encoding="utf-8")):
        spans = find(item["full_text"])
        marked = [
            (s["start_position"], s["end_position"], types.get(s["entity_type"])) for s in item["spans"]
        ]
        for start, end, what in marked:
            if what:
                wanted[what] = wanted.get(what, 0) + 1
                hit = any(s["type"] == what and s["start"] < end and start < s["end"] for s in spans)
                right[what] = right.get(what, 0) + hit
        for span in spans:
            found[span["type"]] = found.get(span["type"], 0) + 1
            false += not any(
                s["start_position"] < span["end"] and span["start"] < s["end_position"] for s in item["spans"]
            )
    for what in ("phone", "card", "email", "id_number", "ip"):
        assert right[what] >= 0.9 * wanted[what], what
    assert right["address"] >= 0.6 * wanted["address"]
    assert false <= 0.05 * sum(found.values())


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "crm.sqlite") as store:
        store.upsert(
            "customers",
            [
                {
                    "id": "C-7",
                    "name": "Zebedee Quillfeather",
                    "email": "zq@larch.example",
                    "country": "Ireland",
                },
                {"id": "C-8", "name": "Ann Lee"},
            ],
        )
        store.upsert("products", [{"id": "P", "name": "Tin"}])
        for number, customer in ((1, "C-7"), (2, "C-8")):
            store.upsert("orders", [{"id": f"O-{number}", "customer_id": customer, "ordered_at": "2026-01-05T00:00:00",
                                     "total": 5, "lines": [{"product_id": "P", "quantity": 1, "amount": 5}]}])  # fmt: skip
            store.upsert("interactions", [{"id": f"I-{number}", "customer_id": customer, "at": "2026-01-06T00:00:00",
                                           "channel": "email", "text": f"the secret of {customer}"}])  # fmt: skip
            store.upsert("subscriptions", [{"id": f"S-{number}", "customer_id": customer, "plan": "Home",
                                            "status": "active", "started_on": "2026-01-01"}])  # fmt: skip
            talk = store.start_conversation("customer", customer)
            store.save_turn(talk, message=f"hello from {customer}", answer="hi")
            store.hand_off(talk, "wants a person")
            store.add_message(talk, "customer", f"still {customer}")
            store.audit("marieke", "agent", "looked", customer, {"asked": customer})
        store.audit("marieke", "agent", "exported", None, {"who": "Zebedee Quillfeather"})
        yield store


def test_export_holds_everything_of_one_customer_and_nothing_of_others(store):
    data = json.loads(json.dumps(export_customer(store, "C-7")))
    assert data["customer"]["name"] == "Zebedee Quillfeather"
    assert [order["lines"][0]["product"] for order in data["orders"]] == ["Tin"]
    assert data["interactions"][0]["text"] == "the secret of C-7"
    assert data["conversations"][0]["turns"][0]["message"] == "hello from C-7"
    assert data["conversations"][0]["messages"][0]["text"] == "still C-7"
    assert data["conversations"][0]["handoffs"] and data["subscriptions"] and data["audit"]
    assert "C-8" not in json.dumps(data)


def test_erasing_leaves_no_trace_in_the_file_and_touches_no_one_else(store, tmp_path):
    other = export_customer(store, "C-8")
    removed = erase_customer(store, "C-7", actor="tom")
    assert removed["customers"] == removed["orders"] == removed["interactions"] == removed["turns"] == 1
    assert store.customer("C-7") is None
    again = export_customer(store, "C-8")
    assert {**again, "exported_at": ""} == {**other, "exported_at": ""}
    [entry] = store.audit_log(action="erase_customer")
    assert entry["actor"] == "tom" and entry["target"] is None and entry["detail"]["removed"]["orders"] == 1
    store.close()
    for path in tmp_path.glob("crm.sqlite*"):
        content = path.read_bytes()
        for trace in (b"C-7", b"Zebedee", b"zq@larch"):
            assert trace not in content, (path, trace)


def test_what_colleagues_asked_about_the_customer_goes_and_nothing_about_others(store):
    desk = store.start_conversation("agent", state={"customer": "C-7"})
    about = [
        store.save_turn(desk, message="How is c-7?", answer="Fine."),
        store.save_turn(desk, message="And now?", answer="Zebedee Quillfeather has one order."),
        store.save_turn(desk, message="Mail?", detail={"tools": [{"result": {"email": "zq@larch.example"}}]}),
    ]
    others = [
        store.save_turn(desk, message="How is C-77?", answer="C-7B and SC-7 too."),
        store.save_turn(desk, message="How is C-8?"),
    ]
    own = store.start_conversation("customer", "C-8")
    others.append(store.save_turn(own, message="my friend Zebedee Quillfeather told me"))
    assert erase_customer(store, "C-7", actor="tom")["turns"] == 1 + len(about)
    assert [store.turn(id) is None for id in (*about, *others)] == [True] * 3 + [False] * 3
    assert store.conversation(desk)["state"] == {}


def test_erasing_a_customer_whose_id_is_a_small_number_leaves_the_audit_log_readable(store):
    store.upsert("customers", [{"id": "5", "name": None}, {"id": "55", "name": "王芳"}])
    store.audit("marieke", "agent", "looked", None, {"orders": 5, "said": "5 of 55", "customer": "55"})
    store.audit("marieke", "agent", "looked", None, {"customer": "5"})
    store.audit("marieke", "agent", "looked", None, {"said": "客户王芳的订单"})
    erase_customer(store, "5", actor="tom")
    assert [entry["detail"] for entry in store.audit_log(3, action="looked")] == [
        {"said": "客户王芳的订单"}, {}, {"orders": 5, "said": "5 of 55", "customer": "55"},
    ]  # fmt: skip
    erase_customer(store, "55", actor="tom")
    assert [entry["detail"] for entry in store.audit_log(3, action="looked")] == [{}, {}, {}]


def test_mails_in_the_outbox_go_too(store):
    (store.home / "outbox").mkdir()
    for name, to in (("1.eml", "Zebedee <ZQ@larch.example>"), ("2.eml", "ann@larch.example"), ("3.eml", "")):
        (store.home / "outbox" / name).write_text(f"To: {to}\nSubject: Your code\n\n123456\n")
    assert erase_customer(store, "C-7", actor="tom")["mails"] == 1
    assert sorted(path.name for path in (store.home / "outbox").iterdir()) == ["2.eml", "3.eml"]


def test_erasing_may_keep_the_orders_for_the_books(store):
    erase_customer(store, "C-7", actor="tom", keep_orders=True)
    order = store.order("O-1")
    assert order["customer_id"] == "erased-1" and order["total"] == 5 and len(order["lines"]) == 1
    assert store.customer("erased-1")["name"] is None and store.customer("erased-1")["country"] == "Ireland"


def test_erasing_is_all_or_nothing(store, monkeypatch):
    before = store.counts()

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "audit", fail)
    with pytest.raises(KeyboardInterrupt):
        erase_customer(store, "C-7", actor="tom")
    assert store.counts() == before and store.customer("C-7")


def test_rows_in_rejects_files_go_too(store, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("order,customer,date,total\n1,C-7,never,5\n2,C-8,never,5\n3,C-8,2024-01-05,5\n")
    report = import_file(store, "orders", path)
    assert report.rejected == 2
    removed = erase_customer(store, "C-7", actor="tom")
    assert removed["rejected_rows"] == 1
    kept = report.rejects_file.read_text()
    assert "C-7" not in kept and "C-8" in kept


@pytest.mark.parametrize("act", [export_customer, lambda store, id: erase_customer(store, id, actor="tom")])
def test_unknown_customers_get_the_closest_named(store, act):
    with pytest.raises(RecordError) as caught:
        act(store, "C-77")
    assert "C-7" in caught.value.hint
