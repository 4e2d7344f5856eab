"""Files into the record: every format, what is wrong with them, and that nothing is lost or half done."""

import csv
import gzip
import io
import json
import os
import random
import sqlite3
from pathlib import Path

import pytest

from assistant.crm import Store, import_file
from assistant.crm import importing as module
from assistant.crm.reading import open_table
from assistant.errors import ImportFileError

SHARED = Path(__file__).parents[3] / "shared" / "data"
LINES = [
    ("invoice", "sku", "description", "quantity", "date", "price", "customer", "country"),
    ("101", "A", "Tall kettle", "2", "2024-03-05 10:00", "10.50", "c1", "Ireland"),
    ("101", "B", "Round tin", "1", "2024-03-05 10:00", "4", "c1", "Ireland"),
    ("102", "A", "Tall kettle", "3", "2024-03-14 11:00", "10.50", "c2", "France"),
    ("C103", "A", "Tall kettle", "-1", "2024-03-20 09:30", "10.50", "c2", "France"),
]


def as_csv(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "home" / "crm.sqlite") as store:
        yield store


@pytest.fixture
def write(tmp_path):
    def write(content, name="file.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def everything(store):
    """All the record holds but the log of imports."""
    tables = ("customers", "products", "orders", "order_lines", "interactions")
    return {
        table: [tuple(row) for row in store.database.rows(f"SELECT * FROM {table} ORDER BY 1, 2")]
        for table in tables
    }


def test_order_lines_alone_give_orders_customers_and_products(store, write):
    report = import_file(store, "orders", write(as_csv(LINES)))
    assert (report.rows, report.accepted, report.rejected, report.added) == (4, 4, 0, 3)
    order = store.order("101")
    assert (order["total"], order["ordered_at"], order["status"]) == (25.0, "2024-03-05T10:00:00", None)
    assert [(line["product"], line["amount"]) for line in order["lines"]] == [
        ("Tall kettle", 21.0),
        ("Round tin", 4.0),
    ]
    assert store.order("C103")["status"] == "cancelled" and store.order("C103")["total"] == -10.5
    assert store.customer("c2")["country"] == "France"
    assert store.product("A")["price"] == 10.5
    assert report.found["orders cancelled"] == 1
    assert report.mapping["invoice"] == "order_id" and report.mapping["price"] == "unit_price"
    assert any("3 new" in line for line in report.lines())
    json.dumps(report.as_dict())


def variants():
    objects = [dict(zip(LINES[0], row, strict=True)) for row in LINES[1:]]
    nested = [
        {"invoice": number, "customer": rows[0]["customer"], "date": rows[0]["date"], "country": rows[0]["country"],
         "lines": [{key: row[key] for key in ("sku", "description", "quantity", "price")} for row in rows]}
        for number, rows in (("101", objects[:2]), ("102", objects[2:3]), ("C103", objects[3:]))
    ]  # fmt: skip
    text = as_csv(LINES)
    return {
        "csv": text,
        "semicolons": as_csv([[cell.replace(".", ",") for cell in row] for row in LINES], ";"),
        "tabs": as_csv(LINES, "\t"),
        "bars": as_csv(LINES, "|"),
        "bom": b"\xef\xbb\xbf" + text.encode(),
        "utf-16": text.encode("utf-16"),
        "utf-16 without mark": text.encode("utf-16-le"),
        "old line ends": text.replace("\r\n", "\r"),
        "blank lines": text.replace("\r\n", "\r\n\r\n"),
        "gzip": gzip.compress(text.encode()),
        "jsonl": "\n".join(json.dumps(item) for item in objects),
        "json": json.dumps(objects, indent=1),
        "json in an object": json.dumps({"data": objects}),
        "nested json": json.dumps(nested),
        "nested jsonl gzip": gzip.compress("\n".join(json.dumps(item) for item in nested).encode()),
    }


@pytest.mark.parametrize("variant", variants())
def test_every_way_of_writing_gives_the_same_record(store, write, variant):
    report = import_file(store, "orders", write(variants()[variant], "orders.data"))
    assert (report.accepted, report.rejected, report.added) == (4, 0, 3), report.lines()
    assert sum(order["total"] for id in ("c1", "c2") for order in store.orders(id)) == 46.0


@pytest.mark.parametrize("suffix", ["parquet", "xlsx", "parquet.gz"])
def test_parquet_and_excel_with_typed_cells(store, tmp_path, suffix):
    import pandas

    frame = pandas.DataFrame(LINES[1:], columns=LINES[0])
    frame["quantity"] = frame["quantity"].astype(int)
    frame["price"] = frame["price"].astype(float)
    frame["date"] = pandas.to_datetime(frame["date"])
    path = tmp_path / f"orders.{suffix}"
    if suffix == "xlsx":
        frame.to_excel(path, index=False)
    else:
        plain = tmp_path / "plain"
        frame.to_parquet(plain)
        path.write_bytes(gzip.compress(plain.read_bytes()) if suffix.endswith("gz") else plain.read_bytes())
    report = import_file(store, "orders", path)
    assert (report.accepted, report.added) == (4, 3), report.lines()
    assert store.order("101")["ordered_at"] == "2024-03-05T10:00:00"


def test_importing_again_changes_nothing(store, write):
    path = write(as_csv(LINES))
    import_file(store, "orders", path)
    before = everything(store)
    report = import_file(store, "orders", path)
    assert (report.added, report.updated, report.unchanged) == (0, 0, 3)
    assert everything(store) == before


def test_updates_go_by_key_and_touch_nothing_else(store, write):
    import_file(store, "orders", write(as_csv(LINES)))
    changed = [LINES[0], ("101", "A", "Tall kettle", "5", "2024-03-05 10:00", "10.50", "c1", "Ireland")]
    report = import_file(store, "orders", write(as_csv(changed), "later.csv"))
    assert (report.added, report.updated, report.unchanged) == (0, 1, 0)
    assert store.order("101")["total"] == 52.5 and len(store.order("101")["lines"]) == 1
    assert store.order("102")["total"] == 31.5


def test_rows_of_numbers_that_differ_are_no_duplicates(store, write):
    lines = [{"order": "O1", "customer": "c1", "date": "2024-01-01", "sku": "A", "price": 2.5, "qty": quantity}
             for quantity in (-1, -2)]  # fmt: skip
    report = import_file(store, "orders", write("\n".join(map(json.dumps, lines)), "back.jsonl"))
    assert (report.accepted, report.duplicates) == (2, 0)
    assert store.order("O1")["total"] == -7.5


def test_an_order_whose_rows_disagree_is_what_its_first_row_says(store, write):
    rows = [("order", "sku", "qty", "date", "price", "customer", "status"),
            ("7", "A", "5", "2024-03-02", "1", "c2", "placed"),
            ("7", "B", "9", "2024-03-01", "1", "c1", "shipped"),
            ("7", "C", "2", "2024-03-03", "1", "c3", "delivered")]  # fmt: skip
    import_file(store, "orders", write(as_csv(rows)))
    order = store.order("7")
    assert (order["customer_id"], order["ordered_at"][:10], order["status"]) == ("c2", "2024-03-02", "placed")
    assert order["total"] == 16 and len(order["lines"]) == 3


def test_half_an_emoji_doesnt_stop_an_import(store, write):
    text = '{"customer": "c1", "date": "2024-01-01", "text": "fine \\ud83d", "\\ude00mood": "good"}'
    assert import_file(store, "interactions", write(text, "mails.jsonl")).accepted == 1
    [said] = store.interactions("c1")
    assert said["text"] == "fine ?" and said["attributes"] == {"?mood": "good"}


def test_a_cell_beyond_the_header_of_a_sheet_is_not_dropped_in_silence(store, tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["id", "name", None], ["c1", "Ann"], ["c2", "Bo", "a note"]):
        book.active.append(row)
    book.save(tmp_path / "people.xlsx")
    report = import_file(store, "customers", tmp_path / "people.xlsx")
    assert (report.accepted, report.rejected) == (1, 1)
    assert "3 cells where 2 are expected" in next((store.home / "rejects").iterdir()).read_text()


def test_an_address_that_stands_for_an_id_means_one_customer_however_it_is_written(store, write):
    import_file(store, "customers", write("email,name\nAnna@Larch.example,Anna\n", "people.csv"))
    lines = "order,email,date,total\n1,anna@larch.example,2024-03-05,5\n"
    import_file(store, "orders", write(lines, "orders.csv"))
    said = "customer,date,text\nANNA@Larch.example,2024-03-06,hello\n"
    import_file(store, "interactions", write(said, "mails.csv"))
    assert [customer["name"] for customer in store.customers()] == ["Anna"]
    assert len(store.orders("anna@larch.example")) == len(store.interactions("anna@larch.example")) == 1


def test_order_heads_and_order_lines_meet(store, write):
    import_file(store, "orders", write(as_csv(LINES)))
    heads = "order id,customer,date,total,status,gift\n101,c1,2024-03-05 10:00,29.90,delivered,yes\n"
    report = import_file(store, "orders", write(heads, "heads.csv"))
    assert (report.added, report.updated) == (0, 1)
    order = store.order("101")
    assert (order["total"], order["status"], order["attributes"]) == (29.9, "delivered", {"gift": "yes"})
    assert len(order["lines"]) == 2
    again = import_file(store, "orders", write(as_csv(LINES)))
    assert again.unchanged == 3 and store.order("101")["total"] == 29.9


BAD_LINES = [
    (("201", "A", "Kettle", "1", "2024-01-05", "2", "", "x"), "no customer"),
    (("", "A", "Kettle", "1", "2024-01-05", "2", "c1", "x"), "no order number"),
    (("201", "A", "Kettle", "0", "2024-01-05", "2", "c1", "x"), "quantity is 0"),
    (("201", "A", "Kettle", "1", "2024-01-05", "-2", "c1", "x"), "price is below 0"),
    (("201", "A", "Kettle", "1", "2999-01-05", "2", "c1", "x"), "date is in the future"),
    (("201", "A", "Kettle", "1", "1066-10-14", "2", "c1", "x"), "date is before 1900"),
    (("201", "A", "Kettle", "1", "2024-02-31", "2", "c1", "x"), "date is no date"),
    (("201", "A", "Kettle", "1", "", "2", "c1", "x"), "no date"),
    (("201", "A", "Kettle", "many", "2024-01-05", "2", "c1", "x"), "quantity is no number"),
    (("201", "A", "Kettle", "1", "2024-01-05", "cheap", "c1", "x"), "price is no number"),
    (("201", "A", "Kettle", "1", "2024-01-05", "2", "c1", "x", "more"), "N cells where 8 are expected"),
    (LINES[1], "exactly as an earlier row"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_LINES)
def test_bad_rows_are_kept_aside_with_line_and_reason(store, write, row, reason):
    report = import_file(store, "orders", write(as_csv([*LINES, row])))
    assert report.rows == report.accepted + report.rejected + report.duplicates == 5
    assert report.accepted == 4
    if reason != "exactly as an earlier row":
        assert report.reasons == {reason: 1} and report.problems[reason] == 1
    with report.rejects_file.open(newline="", encoding="utf-8") as file:
        header, kept = list(csv.reader(file))
    assert header[:3] == ["line", "reason", "invoice"]
    assert kept[0] == "6" and kept[2:] == list(row)
    assert report.rejects_file.parent == store.home / "rejects"


def test_two_files_of_one_name_keep_their_rejects_apart(store, write, tmp_path):
    bad = [*LINES, LINES[1]]
    first = write(as_csv(bad))
    one = import_file(store, "orders", first)
    assert import_file(store, "orders", first).rejects_file == one.rejects_file  # the same file: written anew
    kept = one.rejects_file.read_text(encoding="utf-8")
    (tmp_path / "later").mkdir()
    second = tmp_path / "later" / first.name
    second.write_text(as_csv([*bad, LINES[2]]), encoding="utf-8")
    two = import_file(store, "orders", second)
    assert two.rejects_file != one.rejects_file and two.rejects_file.name.endswith(".orders.2.csv")
    assert (
        one.rejects_file.read_text(encoding="utf-8") == kept != two.rejects_file.read_text(encoding="utf-8")
    )
    assert import_file(store, "orders", second).rejects_file == two.rejects_file
    assert len(list((store.home / "rejects").iterdir())) == 2


def test_a_clean_file_leaves_no_rejects_file(store, write):
    report = import_file(store, "orders", write(as_csv(LINES)))
    assert report.rejects_file is None and not (store.home / "rejects").exists()


def test_dry_run_tells_all_and_writes_nothing(store, write):
    path = write(as_csv([*LINES, BAD_LINES[0][0]]))
    before = (everything(store), store.counts(), sorted(p.name for p in store.home.iterdir()))
    trial = import_file(store, "orders", path, dry_run=True)
    assert (everything(store), store.counts(), sorted(p.name for p in store.home.iterdir())) == before
    real = import_file(store, "orders", path)
    for name in ("rows", "accepted", "rejected", "added", "problems", "mapping"):
        assert getattr(trial, name) == getattr(real, name)


def test_unknown_columns_are_kept(store, write):
    import_file(store, "orders", write("order,customer,date,sku,shelf\n1,c1,2024-01-05,A,9\n"))
    lines = store.frame("SELECT attributes FROM order_lines")
    assert json.loads(lines["attributes"][0]) == {"shelf": 9}
    report = import_file(store, "customers", write("customer,plan,Score,code\nc1,gold,1.5,007\nc2,,2,008\n"))
    assert report.left_over == ("plan", "Score", "code")
    assert store.customer("c1")["attributes"] == {"plan": "gold", "Score": 1.5, "code": "007"}
    assert store.customer("c2")["attributes"] == {"Score": 2, "code": "008"}
    assert report.problems == {"plan is blank": 1}


def test_customers_update_without_blanking_out(store, write):
    import_file(store, "customers", write("id,name,email,tier,hat\n1,Ann,a@b.example,gold,tall\n"))
    report = import_file(store, "customers", write("id,name,email,tier,shoe\n1,Ann,,silver,42\n2,Bo,,,\n"))
    assert (report.added, report.updated) == (1, 1)
    found = store.customer("1")
    assert (found["email"], found["tier"], found["attributes"]) == (
        "a@b.example",
        "silver",
        {"hat": "tall", "shoe": 42},
    )


def test_what_can_not_be_read_in_a_side_column_is_kept_as_attribute(store, write):
    report = import_file(
        store,
        "customers",
        write("id,signup date,churn\n1,2024-01-05,no\n2,long ago,yes\n3,2024-02-05,perhaps\n"),
    )
    assert report.accepted == 3
    assert (
        store.customer("2")["attributes"] == {"signup date": "long ago"}
        and store.customer("2")["churned"] == 1
    )
    assert (
        store.customer("3")["attributes"] == {"churn": "perhaps"} and store.customer("3")["churned"] is None
    )
    assert sum("kept as an attribute" in problem for problem in report.problems) == 2


def test_interactions_make_their_customers_and_their_ids(store, write):
    content = 'customer,date,channel,message\nc9,2024-01-05 10:00,email,"Dear all,\nit leaks"\nc9,2024-01-06,chat,\n'
    report = import_file(store, "interactions", write(content))
    assert (report.added, report.rejected, report.found["customers made"]) == (1, 1, 1)
    [found] = store.interactions("c9")
    assert (
        found["text"] == "Dear all,\nit leaks"
        and found["channel"] == "email"
        and found["author"] == "customer"
    )
    assert import_file(store, "interactions", write(content)).unchanged == 1


def test_interactions_without_a_channel_are_tickets(store, write):
    content = "customer,date,message\nc9,2024-01-05 10:00,it leaks\n"
    assert import_file(store, "interactions", write(content)).added == 1
    assert store.interactions("c9")[0]["channel"] == "ticket"
    assert import_file(store, "interactions", write(content)).unchanged == 1


def test_products(store, write):
    report = import_file(
        store, "products", write("sku,name,price,in stock\nA,Kettle,€ 12.50,yes\nB,Tin,4,no\n")
    )
    assert report.added == 2
    assert (store.product("A")["price"], store.product("A")["currency"]) == (12.5, "EUR")
    assert [product["id"] for product in store.products()] == ["A"]


def test_currencies_are_told_apart(store, write):
    report = import_file(
        store, "orders", write("order,customer,date,total\n1,a,2024-01-05,€5.00\n2,a,2024-01-06,$7.00\n")
    )
    assert store.order("1")["currency"] == "EUR" and store.order("2")["currency"] == "USD"
    assert any("several currencies" in note for note in report.notes)


def test_no_order_numbers_no_header_and_no_delimiter(store, write):
    content = " 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n 00002 19970112  5   77.00\n"
    mapping = {"1": "customer_id", "2": "ordered_at", "3": "quantity", "4": "amount"}
    report = import_file(store, "orders", write(content, "x.txt"), mapping=mapping)
    assert (report.rows, report.added) == (3, 2)
    [order] = store.orders("00002")
    assert order["total"] == 89.0 and [line["quantity"] for line in order["lines"]] == [1, 5]
    assert (
        import_file(store, "orders", write(content, "x.txt")).unchanged == 2
    )  # and guessed without the mapping


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp1252", "Jürgen Müßig"), ("gb18030", "王小明"), ("utf-8", "Zoë 王"), ("big5", "陳大文")],
)
def test_encodings_are_found(store, write, encoding, name):
    rows = "".join(f"{n},{name},{'北京市朝阳区' if encoding == 'gb18030' else '臺北市' if encoding == 'big5' else 'Köln'}\n"
                   for n in range(20))  # fmt: skip
    import_file(store, "customers", write(("id,name,city\n" + rows).encode(encoding)))
    assert store.customer("7")["name"] == name


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("年龄,流失", "gb18030"),
        ("客户编号,客户姓名", "gb18030"),
        ("이름,도시", "euc_kr"),
        ("Größe,Straße", "cp1252"),
        ("étage,ville", "utf-8"),
    ],
)
def test_a_few_words_are_enough_to_find_the_encoding(write, header, encoding):
    opened = open_table(write((header + "\n1,2\n3,4\n").encode(encoding)))
    assert opened.columns == tuple(header.split(",")) and opened.notes == (
        () if encoding == "utf-8" else (f"not UTF-8: read as {opened.encoding}",)
    )


def test_mixed_encodings_are_read_line_by_line(store, write):
    lines = [b"id,name"]
    lines += [f"{n},Zoë".encode("utf-8" if n % 5 else "cp1252") for n in range(50)]
    report = import_file(store, "customers", write(b"\n".join(lines)))
    assert {customer["name"] for customer in store.customers()} == {"Zoë"}
    assert any("mixed encodings" in note for note in report.notes)


HOSTILE = {
    "empty": (b"", "is empty"),
    "only blanks": (b" \n\n ", "is empty"),
    "only a header": (b"order,customer,date\n", "no rows"),
    "binary": (random.Random(1).randbytes(5000), "binary"),
    "binary with text": (b"order,customer,date\n1,a,\0\0\0\x01\x02\x03\x04" * 50, "binary"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\1" * 100, "picture"),
    "pdf": (b"%PDF-1.7\n" + b"\1" * 100, "PDF"),
    "xls": (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "old Excel"),
    "zip": (b"PK\x03\x04" + b"\0" * 100, "not an Excel workbook"),
    "parquet cut short": (b"PAR1" + b"\0" * 100, "damaged"),
    "gzip cut short": (gzip.compress(random.Random(2).randbytes(9000))[:4000], "damaged"),
    "json cut short": (b'[{"order": 1, "customer": ', "valid JSON"),
    "json of numbers": (b"[1, 2, 3]", "no JSON objects"),
    "columns missing": (b"alpha,beta\n1,2\n", "alpha, beta"),
    "quote never closed in a small file": (
        b'order,customer,date\n1,"a,2024-01-01\n' + b"2,b,2024-01-01\n" * 30,
        "line 2.*never closed",
    ),
    "quote never closed": (
        b'order,customer,date\n1,"a,2024-01-01\n' + b"2,b,2024-01-01\n" * 400_000,
        "never closed",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_get_an_error_with_a_hint_and_change_nothing(store, write, case):
    content, part = HOSTILE[case]
    before = everything(store)
    with pytest.raises(ImportFileError, match=part) as caught:
        import_file(store, "orders", write(content))
    assert caught.value.hint
    assert everything(store) == before and store.counts()["imports"] == 0


def test_files_that_are_not_there(store, tmp_path):
    with pytest.raises(ImportFileError, match="no file"):
        import_file(store, "orders", tmp_path / "nothing.csv")
    with pytest.raises(ImportFileError, match="folder"):
        import_file(store, "orders", tmp_path)
    with pytest.raises(ImportFileError, match="one of: customers"):
        import_file(store, "hats", tmp_path)


def test_missing_columns_say_what_was_found_and_what_to_type(store, write):
    with pytest.raises(ImportFileError) as caught:
        import_file(store, "orders", write("who,when exactly,price\na,b,5\n"))
    assert "who, when exactly, price" in caught.value.message and "price = unit_price" in caught.value.message
    assert "--map COLUMN=customer_id" in caught.value.hint and "--map COLUMN=ordered_at" in caught.value.hint


def test_a_told_encoding_that_is_wrong_is_an_error(store, write):
    path = write("id,name\n1,Zoë\n".encode("cp1252"))
    with pytest.raises(ImportFileError, match="line 2"):
        import_file(store, "customers", path, encoding="utf-8")
    with pytest.raises(ImportFileError, match="no encoding"):
        import_file(store, "customers", path, encoding="utf-99")
    import_file(store, "customers", path, encoding="cp1252")
    assert store.customer("1")["name"] == "Zoë"


def test_bad_json_lines_are_rejected_not_fatal(store, write):
    good = json.dumps({"id": 1, "name": "Ann"})
    report = import_file(store, "customers", write(good + "\n{broken\n[1]\n" + json.dumps({"id": 2}) + "\n"))
    assert (report.accepted, report.rejected, report.added) == (2, 2, 2)


@pytest.mark.parametrize("moment", ["reading", "cleaning", "saving"])
def test_ctrl_c_leaves_the_record_as_it_was(store, write, monkeypatch, moment):
    import_file(store, "orders", write(as_csv(LINES)))
    before = (everything(store), store.counts())
    rows = [
        LINES[0],
        *((str(1000 + n // 3), "A", "x", "1", "2024-01-05", "2", f"c{n}", "x") for n in range(30_000)),
    ]
    rows += [BAD_LINES[0][0]]

    def stop(phase, done, total):
        if phase == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(store, "orders", write(as_csv(rows), "big.csv"), progress=stop)
    assert (everything(store), store.counts()) == before
    assert list(store.home.glob("rejects/*")) == list(store.home.glob("rejects/.*")) == []


def test_what_a_killed_import_left_behind_is_removed_later(store, write):
    folder = store.home / "rejects"
    folder.mkdir()
    old, new = folder / ".writing-old", folder / ".writing-new"
    old.touch()
    new.touch()
    os.utime(old, (1, 1))
    import_file(store, "orders", write(as_csv(LINES)))
    assert [path.name for path in folder.iterdir()] == [".writing-new"]


def test_an_error_at_the_very_end_undoes_the_merge_and_the_rejects(store, write, monkeypatch):
    def fail(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, "_log", fail)
    with pytest.raises(ImportFileError, match="disk is full") as caught:
        import_file(store, "orders", write(as_csv([*LINES, BAD_LINES[0][0]])))
    assert "free some space" in caught.value.hint
    assert store.counts()["orders"] == 0 and not list((store.home / "rejects").iterdir())


def test_a_disk_that_fills_up_while_merging_leaves_the_record_as_it_was(store, write, monkeypatch):
    import_file(store, "orders", write(as_csv(LINES)))
    before = (everything(store), store.counts())
    connect = store.database.connect

    def small():
        connection = connect()
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        return connection

    monkeypatch.setattr(store.database, "connect", small)
    rows = [
        LINES[0],
        *((str(n), f"P{n}", "Tall kettle", "1", "2024-01-05", "2", "c", "x") for n in range(5000)),
    ]
    with pytest.raises(ImportFileError, match="disk is full"):
        import_file(store, "orders", write(as_csv(rows), "big.csv"))
    assert (everything(store), store.counts()) == before


def test_no_space_is_seen_before_anything_is_done(store, write, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(ImportFileError, match="No space"):
        import_file(store, "orders", write(as_csv(LINES)))


def test_others_can_write_while_an_import_gathers(store, write):
    def other(phase, done, total):
        if phase == "cleaning":
            store.set_meta("seen", "yes")

    import_file(store, "orders", write(as_csv(LINES)), progress=other)
    assert store.meta("seen") == "yes" and store.counts()["orders"] == 3


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def test_online_retail_against_pandas(store):
    import pandas

    path = shared("online_retail_uci/germany.csv")
    report = import_file(store, "orders", path)
    frame = pandas.read_csv(path, dtype={"InvoiceNo": str})
    unique = frame.drop_duplicates()
    assert report.duplicates == len(frame) - len(unique)
    counts = store.counts()
    assert counts["orders"] == unique.InvoiceNo.nunique()
    assert counts["order_lines"] == len(unique)
    assert counts["customers"] == unique.CustomerID.nunique()
    assert counts["products"] == unique.StockCode.nunique()
    revenue = store.frame("SELECT sum(total) AS total FROM orders")["total"][0]
    assert revenue == pytest.approx((unique.Quantity * unique.UnitPrice).sum(), abs=0.01)
    assert (
        report.found["orders cancelled"] == unique[unique.InvoiceNo.str.startswith("C")].InvoiceNo.nunique()
    )
    expected = pandas.to_datetime(unique.InvoiceDate, format="%m/%d/%Y %H:%M")
    assert store.as_of == expected.max().date()
    one = unique[unique.CustomerID == 12662]
    orders = store.orders("12662")
    assert len(orders) == one.InvoiceNo.nunique()
    assert sum(order["total"] for order in orders) == pytest.approx(
        (one.Quantity * one.UnitPrice).sum(), abs=0.01
    )
    assert import_file(store, "orders", path).unchanged == counts["orders"]


def test_telephone_customers_against_pandas(store):
    import pandas

    path = shared("telco_churn_ibm/Telco-Customer-Churn.csv")
    report = import_file(store, "customers", path)
    frame = pandas.read_csv(path)
    assert store.counts()["customers"] == len(frame)
    assert report.problems == {"TotalCharges is blank": (frame.TotalCharges.str.strip() == "").sum()}
    assert len(list(store.customers(churned=1))) == (frame.Churn == "Yes").sum()
    first = frame.iloc[0]
    kept = store.customer(first.customerID)["attributes"]
    assert kept == {
        name: first[name] if isinstance(first[name], str) and name != "TotalCharges" else float(first[name])
        for name in frame.columns
        if name not in ("customerID", "Churn")
    }
    assert import_file(store, "customers", path).unchanged == len(frame)


def test_cdnow_against_pandas(store):
    import pandas

    path = shared("cdnow/CDNOW_sample.txt")
    mapping = {"1": "customer_id", "3": "ordered_at", "4": "quantity", "5": "amount"}
    report = import_file(store, "orders", path, mapping=mapping)
    frame = pandas.read_csv(path, sep=r"\s+", header=None, dtype={0: str, 2: str})
    assert report.accepted == len(frame)
    assert store.counts()["orders"] == len(frame[[0, 2]].drop_duplicates())
    total = store.frame("SELECT sum(total) AS total FROM orders")["total"][0]
    assert total == pytest.approx(frame[4].sum())
