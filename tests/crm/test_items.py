"""Variants, payment methods and payments: imported, exported and erased with their customer."""

from pathlib import Path

from assistant.crm import Store
from assistant.crm.importing import import_file
from assistant.crm.privacy import erase_customer, export_customer


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def fill(store: Store, folder: Path) -> None:
    files = {
        "customers": "id,name,zip\nC1,Eva Stone,78701\n",
        "variants": "variant_id,product_id,price,available,colour,size\nV1,P1,20,yes,red,M\nV2,P1,22,no,blue,\n",
        "orders": "order_id,customer_id,date,product_id,variant_id,quantity,unit_price\n#1,C1,2026-05-01,P1,V1,2,20\n",
        "payment_methods": "id,customer_id,kind,balance,last_four\nM1,C1,gift_card,5.5,\nM2,C1,card,,1111\n",
        "payments": "order_id,method_id,amount\n#1,M1,40\n#1,M1,-10\n#9,M1,3\n",
    }
    for kind, text in files.items():
        report = import_file(store, kind, write(folder / f"{kind}.csv", text))
        assert report.reasons == ({"its order isn't in the record": 1} if kind == "payments" else {})


def test_imported_and_imported_again(tmp_path: Path) -> None:
    with Store(tmp_path / "home.sqlite") as store:
        for _ in range(2):  # the second time changes nothing
            fill(store, tmp_path)
            red, blue = store.variants("P1")
            assert red["attributes"] == {"colour": "red", "size": "M"} and red["available"] == 1
            assert blue["attributes"] == {"colour": "blue"} and blue["available"] == 0
            [item] = store.items("#1")
            assert item["variant_id"] == "V1" and item["options"]["size"] == "M" and item["line"] == 1
            assert [m["balance"] for m in store.payment_methods("C1")] == [5.5, None]
            paid = sorted((p["kind"], p["amount"]) for p in store.payments("#1"))
            assert paid == [("payment", 40.0), ("refund", 10.0)], (
                "a minus is a refund; an unknown order's is left out"
            )
            rejects = (tmp_path / "rejects" / "payments.csv.payments.csv").read_text(encoding="utf-8")
            assert "its order isn't in the record,#9,M1,3" in rejects
            customer = store.customer("C1")
            assert customer is not None and customer["attributes"]["zip"] == "78701", (
                "a postcode is no number"
            )


def test_exported_and_erased_with_the_customer(tmp_path: Path) -> None:
    with Store(tmp_path / "home.sqlite") as store:
        fill(store, tmp_path)
        told = export_customer(store, "C1")
        assert len(told["payment_methods"]) == 2 and len(told["orders"][0]["payments"]) == 2
        erase_customer(store, "C1", actor="admin", keep_orders=True)
        assert store.payment_methods("C1") == []
        assert [p["method_id"] for p in store.payments("#1")] == [None, None], "kept for the books, nobody's"
