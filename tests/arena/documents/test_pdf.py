"""PDFs as text: reading order, headings, tables, pages, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from fpdf import FPDF

from forge_arena.documents import pdf as pdf_module
from forge_arena.documents.document import Document, Unreadable
from forge_arena.documents.pdf import pdf_text
from forge_arena.documents.sections import sections

from .real_files import BOOKING, MIND, ROOMS, encrypted, heading, paragraph, pdf, rules_of_the_hall, scanned, table


def test_headings_paragraphs_and_lists() -> None:
    text, _ = pdf_text(rules_of_the_hall())
    assert [(s.level, s.number, s.title) for s in sections(text)] == [
        (1, None, "Rules of the Hall"),
        (2, "1", "Booking"),
        (2, "2", "Changing your mind"),
        (2, "3", "Fees"),
    ]
    assert BOOKING in text
    assert MIND in text
    assert "- the name of the club\n- the day\n- the number of guests" in text


LONG = "What the club asks of a guest who books the hall for more than three days"


def test_a_heading_over_two_lines_is_one_and_two_headings_are_two() -> None:
    def write(file: Any) -> None:
        heading(file, "Fees")
        file.set_font("helvetica", "B", 20)
        file.multi_cell(0, 7, LONG, new_x="LMARGIN", new_y="NEXT")
        file.set_font("helvetica", size=11)
        paragraph(file, " ".join([BOOKING] * 3))
        heading(file, "Deposits")
        heading(file, "Late fees")
        paragraph(file, MIND)

    text, _ = pdf_text(pdf(write))
    assert [section.title for section in sections(text)] == [
        "Fees",
        LONG,
        "Deposits",
        "Late fees",
    ]


def test_a_table_that_breaks_across_pages_is_one_and_its_header_stands_once() -> None:
    text, pages = pdf_text(rules_of_the_hall())
    assert len(pages) > 1
    lines = text.split("\n")
    at = lines.index("| Room | Seats | Fee a day |")
    assert lines[at + 1] == "| --- | --- | --- |"
    assert lines[at + 2 : at + 1 + len(ROOMS)] == [f"| {' | '.join(row)} |" for row in ROOMS[1:]]
    assert text.count("Seats") == 1


def test_a_table_that_breaks_without_a_second_header_is_one_too() -> None:
    text, pages = pdf_text(pdf(lambda file: table(file, ROOMS, repeats_header=False)))
    assert len(pages) > 1
    assert text.count("| --- | --- | --- |") == 1
    assert text.count("\n| Room ") == len(ROOMS) - 1


def test_two_tables_are_two() -> None:
    def write(file: Any) -> None:
        table(file, ROOMS[:4], repeats_header=True)
        file.ln(4)
        paragraph(file, BOOKING)
        table(file, ROOMS[:4], repeats_header=True)

    text, _ = pdf_text(pdf(write))
    assert text.count("| --- | --- | --- |") == 2


def test_running_titles_and_page_numbers_are_left_out() -> None:
    text, _ = pdf_text(rules_of_the_hall())
    assert "edition 4" not in text
    assert "Page 1" not in text


def test_the_running_title_of_a_chapter_is_left_out() -> None:
    class Book(FPDF):
        def header(self) -> None:
            self.set_font("helvetica", size=8)
            self.cell(0, 5, f"{'Booking' if self.page_no() < 3 else 'Fees'} of the hall {self.page_no() + 6}")
            self.ln(8)

    def write(file: Any) -> None:
        for page in range(4):
            if page:
                file.add_page()
            file.set_font("helvetica", size=11)
            paragraph(file, f"Booking in year {page + 30}: {BOOKING}")

    text, pages = pdf_text(pdf(write, make=Book))
    assert len(pages) == 4
    assert "of the hall" not in text
    assert text.count("Booking in year") == 4


def test_each_page_says_where_it_begins() -> None:
    def write(file: Any) -> None:
        for page, words in enumerate(("First page of all.", "Second page here.", "Third page at last.")):
            if page:
                file.add_page()
            paragraph(file, words)

    text, pages = pdf_text(pdf(write))
    assert [text[start:].split()[0] for start in pages] == ["First", "Second", "Third"]
    assert [Document("a.pdf", text, pages=pages).page_at(text.index(word)) for word in ("all", "here", "last")] == [
        1,
        2,
        3,
    ]


def test_a_paragraph_that_breaks_across_pages_is_one_and_the_page_begins_within_it() -> None:
    text, pages = pdf_text(pdf(lambda file: paragraph(file, " ".join([BOOKING] * 25))))
    assert len(pages) == 2
    assert "\n" not in text
    assert text == " ".join([BOOKING] * 25)
    assert 0 < pages[1] < len(text)


def two_columns(file: Any) -> None:
    heading(file, "Rules of the Hall", 20)
    top = file.get_y()
    for column, (title, words) in enumerate((("Booking", BOOKING), ("Changing your mind", MIND))):
        file.set_xy(10 + 98 * column, top)
        file.set_left_margin(10 + 98 * column)
        heading(file, title)
        paragraph(file, words, 88)
    file.set_left_margin(10)


def test_columns_are_read_one_after_the_other() -> None:
    text, _ = pdf_text(pdf(two_columns))
    assert BOOKING in text
    assert MIND in text
    assert text.index(BOOKING) < text.index("Changing your mind") < text.index(MIND)


def test_a_table_without_lines_is_a_table_and_not_two_columns() -> None:
    def write(file: Any) -> None:
        paragraph(file, BOOKING)
        for row in ROOMS[:12]:
            for cell in row:
                file.cell(60, 6, cell)
            file.ln(6)

    text, _ = pdf_text(pdf(write))
    assert "| Room | Seats | Fee a day |\n| --- | --- | --- |\n| Room 1 | 3 | 20 euros |" in text


def test_a_word_that_breaks_at_the_end_of_a_line_is_whole_again() -> None:
    def write(file: Any) -> None:
        for line in (
            "The members of the club agree that a book-",
            "ing is made in writing, and that a long-",
            "term one is too.",
        ):
            file.cell(0, 6, line, new_x="LMARGIN", new_y="NEXT")
        paragraph(file, "A long-term booking is for a year.")

    text, _ = pdf_text(pdf(write))
    assert "a booking is made in writing, and that a long-term one is too." in text


def test_a_letter_that_the_font_does_not_know_is_a_space_and_many_are_a_reason_to_refuse() -> None:
    def write(file: Any) -> None:
        file.cell(
            0,
            6,
            "The hall\tis\topen at eight, and it is closed again at ten in the evening,",
            new_x="LMARGIN",
            new_y="NEXT",
        )
        paragraph(file, " ".join([BOOKING] * 3))

    assert "The hall is open at eight" in pdf_text(pdf(write))[0]
    with pytest.raises(Unreadable, match="do not say which letters they draw"):
        pdf_text(pdf(lambda file: file.cell(0, 6, "The\thall\tis\topen\tat\teight")))


def test_an_encrypted_file_is_refused() -> None:
    with pytest.raises(Unreadable, match="encrypted: save a copy without a password"):
        pdf_text(encrypted())


def test_a_file_that_only_its_owner_may_change_is_read() -> None:
    def write(file: Any) -> None:
        file.set_encryption(owner_password="owner")
        paragraph(file, BOOKING)

    assert BOOKING in pdf_text(pdf(write))[0]


def test_pictures_of_pages_are_refused() -> None:
    with pytest.raises(Unreadable, match=r"scanned.*OCR"):
        pdf_text(scanned())


def test_too_many_pages_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_module, "MOST_PAGES", 1)
    with pytest.raises(Unreadable, match=r"has 2 pages, and at most 1 are read"):
        pdf_text(pdf(lambda file: file.add_page()))


@pytest.mark.parametrize("write", [lambda file: None, lambda file: paragraph(file, "7")])
def test_a_page_with_nothing_or_a_number_alone(write: Callable[[Any], None]) -> None:
    text, pages = pdf_text(pdf(write))
    assert text in ("", "7")
    assert pages == (0,)
