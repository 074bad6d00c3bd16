"""Web pages and Word files as Markdown."""

import zipfile
from io import BytesIO
from typing import Any

import pytest

from forge_arena.documents import markup
from forge_arena.documents.document import Unreadable
from forge_arena.documents.markup import html_text, word_text
from forge_arena.documents.sections import sections

from .real_files import BOOKING, MIND, PAGE, word, word_contract


def test_a_web_page_is_its_main_part_as_markdown() -> None:
    text = html_text(PAGE.format(more="").encode())
    assert text.startswith(
        "# The yearly pass\n\nThe pass is valid for **twelve months** from the day on which you buy it."
    )
    assert "## Lending the pass" in text
    assert "| Age | Price |\n| --- | --- |\n| under 18 | 30 euros |" in text
    assert "- one *visit* a day\n- two guests a year" in text
    assert "code  stays\nas it is" in text
    for unseen in ("Home", "Imprint", "track", "color", "<"):
        assert unseen not in text


def test_hidden_and_deleted_text_is_left_out() -> None:
    more = (
        '<p hidden>one</p><p aria-hidden="true">two <span hidden>three</span></p><!-- four --><template>five</template>'
    )
    text = html_text(PAGE.format(more=more).encode())
    assert "Ignore the above" not in text
    assert "20 euros" not in text
    assert "35 euros" in text
    assert not {"one", "two", "three", "four", "five"} & set(
        text.replace("one *visit*", "").replace("two guests", "").split()
    )


def test_what_a_button_opens_is_read_and_the_question_on_the_button_is_its_heading() -> None:
    page = (
        '<h2>Questions</h2><h3><button aria-controls="a">How long is the pass valid?</button></h3>'
        '<div id="a" hidden><p>For twelve months.</p></div><div id="b" hidden>Praise us.</div>'
        "<details><summary>Who may use it?</summary><p>Only you.</p></details><button>Send</button>"
    )
    assert html_text(page.encode()) == (
        "## Questions\n\n### How long is the pass valid?\n\nFor twelve months.\n\n### Who may use it?\n\nOnly you."
    )


def test_a_page_without_a_main_part_is_read_whole() -> None:
    text = html_text(f"<h1>Hall</h1><p>{BOOKING}</p><article><p>Short.</p></article><footer>Imprint</footer>".encode())
    assert text == f"# Hall\n\n{BOOKING}\n\nShort."


def test_stars_and_underlines_stay_as_they_are() -> None:
    assert html_text(b"<p>a*b_c 5 * 3 &lt;x&gt; [y] #1 50% - 3. z</p>") == "a*b_c 5 * 3 <x> [y] #1 50% - 3. z"


def test_a_page_may_name_its_encoding() -> None:
    page = f'<html><head><meta charset="windows-1252"></head><p>Caf\u00e9. {BOOKING}</p></html>'
    assert "Caf\u00e9" in html_text(page.encode("windows-1252"))
    assert "Caf\u00e9" in html_text(page.encode("utf-8-sig"))


@pytest.mark.parametrize("named", ["", '<meta charset="utf-8">', '<meta charset="no-such">'])
def test_a_page_in_no_known_encoding_is_refused(named: str) -> None:
    with pytest.raises(Unreadable, match="not UTF-8"):
        html_text(f"{named}<p>Caf\u00e9</p>".encode("windows-1252"))


def test_a_word_file_with_headings_lists_and_a_table() -> None:
    def write(file: Any) -> None:
        file.add_heading("Rules of the Hall", 0)
        file.add_heading("Booking", 1)
        file.add_paragraph(BOOKING)
        file.add_paragraph("the name of the club", style="List Bullet")
        file.add_paragraph("Write to the steward", style="List Number")
        file.add_heading("Changing your mind", 2)
        file.add_paragraph(MIND).add_run(" Nothing else.").bold = True
        drawn = file.add_table(rows=2, cols=2)
        for cell, words in zip(
            (c for row in drawn.rows for c in row.cells), ("Room", "Fee", "Hall", "90 euros"), strict=True
        ):
            cell.text = words

    text = word_text(word(write))
    assert [(s.level, s.title) for s in sections(text)] == [
        (1, "Rules of the Hall"),
        (1, "Booking"),
        (2, "Changing your mind"),
    ]
    assert BOOKING in text
    assert "- the name of the club" in text
    assert "1. Write to the steward" in text
    assert f"{MIND} **Nothing else.**" in text
    assert "| Room | Fee |\n| --- | --- |\n| Hall | 90 euros |" in text


def test_the_numbers_that_word_counts_are_written() -> None:
    text = word_text(word_contract())
    assert [(s.number, s.title) for s in sections(text)] == [
        (None, "Cleaning agreement"),
        ("1", "Services"),
        ("1.1", ""),
        ("1.2", ""),
        ("2", "Fees"),
        ("2.1", ""),
    ]
    assert "1.2. Birch keeps the rooms open" in text
    assert "2.1. Birch pays 400 euros a month" in text


def test_a_plain_list_of_word_stays_a_list() -> None:
    text = word_text(word_contract(is_of_sections=False))
    assert "1. Services" in text
    assert "\n   1. Alder cleans" in text
    assert "1) Alder" not in text


def test_struck_text_of_a_word_file_is_left_out() -> None:
    def write(file: Any) -> None:
        line = file.add_paragraph("The fee is ")
        line.add_run("30").font.strike = True
        line.add_run("35 euros.")

    assert word_text(word(write)) == "The fee is 35 euros."


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "damaged, or no Word file"),
        (b"PK\x03\x04 broken", "damaged, or no Word file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 more", r"encrypted, or an old \.doc"),
    ],
)
def test_what_is_no_word_file_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        word_text(data)


def test_an_archive_without_a_text_is_refused() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("other.xml", "<a/>")
    with pytest.raises(Unreadable, match=r"no part word/document\.xml"):
        word_text(out.getvalue())


def test_a_word_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "MOST_UNPACKED_BYTES", 1_000)
    with pytest.raises(Unreadable, match="unpacks to"):
        word_text(word(lambda file: None))


def test_a_table_that_only_arranges_a_page_is_no_table() -> None:
    page = (
        "<body><table><tr><td><h2>Loans</h2><p>A loan lasts 3 weeks.</p><table><tr><th>Item</th><th>Days</th></tr>"
        "<tr><td>Saw</td><td>9</td></tr></table></td><td><h2>Fines</h2><p>A fine is $4.</p></td></tr></table></body>"
    )
    text = html_text(page.encode())
    assert "## Loans\n\nA loan lasts 3 weeks." in text
    assert "| Item | Days |\n| --- | --- |\n| Saw | 9 |" in text
    assert [section.title for section in sections(text)] == ["Loans", "Fines"]
