"""Files of every format become documents; what can't be read is named; who may see it is decided safely."""

import json
from pathlib import Path

import pytest

from assistant.knowledge.documents import (
    Document,
    Unreadable,
    audience_of,
    interaction_documents,
    language_of,
    read_file,
    read_folders,
)
from assistant.knowledge.passages import split

from .doubles import HashedEmbedder, interaction


def read(folder: Path) -> dict[str, Document | Unreadable]:
    found = list(read_folders([folder]))
    return {
        doc.source + (f"#{doc.part}" if isinstance(doc, Document) and doc.part else ""): doc for doc in found
    }


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def minimal_pdf(lines: list[str]) -> bytes:
    text = " ".join(f"({line}) Tj 0 -16 Td" for line in lines)
    stream = f"BT /F1 12 Tf 72 720 Td {text} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], "internal"),
        ([None, ""], "internal"),
        (["public"], "public"),
        ([" Public "], "public"),
        (["public", "internal"], "internal"),
        (["internal", "public", "public"], "internal"),
        (["everyone"], "internal"),
        (["publik"], "internal"),
    ],
)
def test_audience_is_public_only_where_nothing_says_otherwise(said: list[str | None], expected: str) -> None:
    assert audience_of(said) == expected


def test_front_matter_and_folder_the_stricter_wins(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "---\ntitle: A\naudience: public\nlanguage: en\nupdated: 2026-05-01\n---\nWords.")
    write(tmp_path, "public/en/b.md", "Words.")
    write(tmp_path, "internal/c.md", "---\naudience: public\n---\nWords.")
    write(tmp_path, "public/d.md", "---\naudience: internal\n---\nWords.")
    write(tmp_path, "e.md", "# Heading\nWords.")
    found = read(tmp_path)
    assert {name: doc.audience for name, doc in found.items()} == {  # type: ignore[union-attr]
        "a.md": "public",
        "public/en/b.md": "public",
        "internal/c.md": "internal",
        "public/d.md": "internal",
        "e.md": "internal",
    }
    a, e = found["a.md"], found["e.md"]
    assert isinstance(a, Document) and isinstance(e, Document)
    assert (a.title, a.language, a.at) == ("A", "en", "2026-05-01")
    assert e.title == "Heading"


def test_table_of_documents_speaks_for_files_that_cannot(tmp_path: Path) -> None:
    write(tmp_path, "terms.pdf", minimal_pdf(["Orders above forty euros travel free."]))
    write(tmp_path, "internal/x.pdf", minimal_pdf(["Secret margin."]))
    write(tmp_path, "documents.csv", "file,audience,language,title,updated\nterms.pdf,public,en,Our terms,2026-02-03\n"
                                     "internal/x.pdf,public,,,\n")  # fmt: skip
    found = read(tmp_path)
    terms, secret = found["terms.pdf"], found["internal/x.pdf"]
    assert isinstance(terms, Document) and isinstance(secret, Document)
    assert (terms.title, terms.audience, terms.at) == ("Our terms", "public", "2026-02-03")
    assert "Orders above forty euros travel free." in terms.text
    assert secret.audience == "internal"


def test_html(tmp_path: Path) -> None:
    write(tmp_path, "page.html", """<html lang="zh"><head><title>退货</title><meta name="audience" content="public">
        <script>alert(1)</script></head><body><nav>Menu</nav><main><h1>退货</h1><p>三十天内可以退货。</p>
        <h2>费用</h2><ul><li>标签 3.90</li></ul><table><tr><th>项目</th><th>价格</th></tr><tr><td>标签</td><td>3.90</td></tr>
        </table></main><footer>Imprint</footer></body></html>""")  # fmt: skip
    page = read(tmp_path)["page.html"]
    assert isinstance(page, Document)
    assert (page.title, page.audience, page.language) == ("退货", "public", "zh")
    passages = split(page, HashedEmbedder().count_tokens, 64)
    assert [passage.title for passage in passages] == ["退货", "退货 > 费用"]
    assert "项目: 标签; 价格: 3.90" in passages[1].text
    joined = "".join(passage.text for passage in passages)
    assert "alert" not in joined and "Menu" not in joined and "Imprint" not in joined


def test_docx(tmp_path: Path) -> None:
    import docx

    file = docx.Document()
    file.core_properties.title = "Handbook"
    file.add_heading("Repairs", level=1)
    file.add_paragraph("A repair takes ten days.")
    file.add_paragraph("Bring the box.", style="List Bullet")
    table = file.add_table(rows=2, cols=2)
    for cell, words in zip(
        [c for row in table.rows for c in row.cells], ["Part", "Price", "Gasket", "9.50"], strict=True
    ):
        cell.text = words
    file.save(str(tmp_path / "handbook.docx"))
    handbook = read(tmp_path)["handbook.docx"]
    assert isinstance(handbook, Document)
    assert (handbook.title, handbook.audience) == ("Handbook", "internal")
    (passage,) = split(handbook, HashedEmbedder().count_tokens, 64)
    assert passage.title == "Handbook > Repairs"
    assert passage.text == "A repair takes ten days.\n- Bring the box.\nPart: Gasket; Price: 9.50"


def test_faq_tables(tmp_path: Path) -> None:
    write(
        tmp_path,
        "faq.csv",
        "Question;Answer;Audience\nIs it open?;Yes, till six.;public\nWho is Tom?;A colleague.;\n",
    )
    write(tmp_path, "public/常见.csv", "问题,答案\n几点开门,九点\n")
    write(tmp_path, "stores.csv", "city,street\nUtrecht,Oudegracht 1\n")
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["question", "answer", "language"])
    book.active.append(["How much?", "Five euros.", "en"])
    book.save(tmp_path / "prices.xlsx")
    found = read(tmp_path)
    rows = {
        name: (doc.title, doc.text, doc.audience) for name, doc in found.items() if isinstance(doc, Document)
    }
    assert rows == {
        "faq.csv#row1": ("Is it open?", "Yes, till six.", "public"),
        "faq.csv#row2": ("Who is Tom?", "A colleague.", "internal"),
        "public/常见.csv#row1": ("几点开门", "九点", "public"),
        "stores.csv#row1": ("Utrecht", "city: Utrecht; street: Oudegracht 1", "internal"),
        "prices.xlsx#row1": ("How much?", "Five euros.", "internal"),
    }


def test_text_in_other_encodings_is_never_markdown(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "# not a heading\nCafé prices\n".encode("latin-1") * 5)
    write(tmp_path, "b.txt", "退货政策：三十天内可以退货，开封的咖啡不能退。".encode("gb18030") * 5)
    found = read(tmp_path)
    a, b = found["a.txt"], found["b.txt"]
    assert isinstance(a, Document) and isinstance(b, Document)
    assert "Café prices" in a.text and b.language == "zh"
    passages = split(a, HashedEmbedder().count_tokens, 64)
    assert {passage.title for passage in passages} == {"A"} and passages[0].text.startswith("# not a heading")


def test_each_unreadable_file_has_its_reason(tmp_path: Path) -> None:
    write(tmp_path, "good.md", "Fine.")
    write(tmp_path, "empty.md", "")
    write(tmp_path, "blank.md", "---\ntitle: T\n---\n\n")
    write(tmp_path, "broken.pdf", b"%PDF-1.4 rubbish")
    write(tmp_path, "broken.docx", b"PK\x03\x04rubbish")
    write(tmp_path, "broken.xlsx", b"nothing")
    write(tmp_path, "yaml.md", "---\ntitle: [unclosed\n---\ntext")
    write(tmp_path, "binary.txt", bytes(range(256)) * 20)
    write(tmp_path, "film.mp4", b"1234")
    write(tmp_path, "line.jsonl", '{"title": "no text"}\n')
    (tmp_path / "outside.md").symlink_to("/etc/hostname")
    write(tmp_path, ".hidden.md", "Not read.")
    found = read(tmp_path)
    reasons = {name: doc.reason for name, doc in found.items() if isinstance(doc, Unreadable)}
    assert set(found) - set(reasons) == {"good.md"}
    assert reasons["empty.md"] == "empty file"
    assert "no text" in reasons["blank.md"]
    assert "aren't read" in reasons["film.mp4"]
    assert "binary" in reasons["binary.txt"]
    assert "out of the folder" in reasons["outside.md"]
    assert 'line 1 is no JSON object with "text"' in reasons["line.jsonl"]
    for name in ("broken.pdf", "broken.docx", "broken.xlsx", "yaml.md"):
        assert reasons[name].startswith("damaged"), reasons[name]


def test_two_folders_with_the_same_path_keep_both(tmp_path: Path) -> None:
    write(tmp_path, "one/public/a.md", "First.")
    write(tmp_path, "two/public/a.md", "Second.")
    found = list(read_folders([tmp_path / "one", tmp_path / "two"]))
    assert [doc.source for doc in found] == ["public/a.md", "two/public/a.md"]


def test_interactions() -> None:
    rows = [
        interaction(
            1, "C-1", "The grinder is loud.", subject="Noise", order_id="LO-100001", product_id="LG-302"
        ),
        interaction(2, "C-2", "  "),
        interaction(3, "C-2", "Offered a discount.", attributes='{"internal": true}', language=None),
    ]
    first, third = interaction_documents(rows)
    assert (first.source, first.audience, first.customer_id) == ("interaction:IN-000001", "customer", "C-1")
    assert first.title == "email 2026-02-05: Noise"
    assert first.keys == ("IN-000001", "C-1", "LO-100001", "LG-302")
    assert (third.audience, third.language) == ("internal", "en")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Coffee", "en"),
        ("咖啡很好喝", "zh"),
        ("Aurora One 漏水怎么办", "zh"),
        ("The word 咖啡 means coffee", "en"),
        ("", "en"),
    ],
)
def test_language_of(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_line_separator_inside_a_json_string_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "passages.jsonl"
    path.write_text(json.dumps({"text": "one\u2028two"}, ensure_ascii=False) + "\n", encoding="utf-8")
    [document] = read_file(path, "passages.jsonl")
    assert isinstance(document, Document) and document.text == "one\u2028two"
