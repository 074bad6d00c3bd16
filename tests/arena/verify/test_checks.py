"""Checks: for each registered one, texts that keep it, texts that violate it, and where."""

import time

import pytest

from forge_arena.types import Check
from forge_arena.verify import checks
from forge_arena.verify.checks import violation

Argument = int | str | tuple[str, ...]

SIGNATURE = "def parse(text: str, *, strict: bool = False) -> Span"


def fenced(code: str) -> str:
    return f"The fix:\n```python\n{code}\n```\n"


KEPT: list[tuple[str, Argument, str]] = [
    ("max_words", 3, "One two\n three"),
    ("max_words", 4, "- One \u2013 or two:\n\u2022 three"),
    ("min_words", 4, "- One \u2013 or two:\n\u2022 three"),
    ("max_words", 0, " \n"),
    ("min_words", 3, "one two three"),
    ("max_sentences", 2, "One. Mr. Two is here."),
    ("includes_any", ("by 5 May", "no later"), "Pay NO LATER than then."),
    ("includes_any", ("R-1",), "Case (R-1)."),
    ("excludes", ("voucher", "gift"), "Vouchers and gifts, evoucher, but none alone."),
    ("excludes", ("section 3.2",), "See section 3.21 and section 3.2.1."),
    ("opens_with", ("Dear Ms Roe", "Good day"), "\n  dear ms roe,\nthank you."),
    ("closes_with", ("Kind regards",), "Text.\n\nKind regards,  \n\n"),
    ("closes_with", ("Thank you",), "It is done. Thank you for your patience."),
    ("opens_with", ("Severity: major",), "**Severity:** major\n\nThe job fails."),
    ("opens_with", ("Severity: major",), "## Severity: Major"),
    ("opens_with", ("You asked",), "\u201cYou asked\u201d is how we begin."),
    ("opens_with", ("Thank you",), "Subject: your claim\n\nThank you for it."),
    ("closes_with", ("Yours truly",), "It was nice.\n\nYours truly,\n\nAna Roe\nThe hive"),
    ("includes_any", ("not legal advice",), "This is **not** legal\nadvice."),
    ("includes_any", ("# backport of I1",), "```\n# backport of I1\n```"),
    ("includes_any", ("the tenant's deposit",), "The tenant\u2019s deposit."),
    ("greets_by", ("Ana",), "Dear Ana,\nthank you."),
    ("greets_by", ("Ana",), "Good afternoon, Ana! Your parcel is here."),
    ("greets_by", ("Ana",), "Ana, thank you."),
    ("greets_by", ("Ana",), "**Hello Ana**\n\nYour parcel is here."),
    ("greets_by", ("Ms Roe",), "Dear Ms. Roe,"),
    ("greets_by", ("Ms Roe",), "**Re:** your parcel\n\nDear Ms Roe,"),
    ("greets_by", ("Ms Roe",), "Good day to you, Ms Ana Roe."),
    ("closes_with", ("Internal only",), "Text.\n\n_Internal only._"),
    ("closes_with", ("Internal only",), "Text. This sheet is for use that is internal only."),
    ("last_line_begins", ("The desk",), "Text.\n**The desk**, Leeds\n"),
    ("signs_with", ("Yours faithfully",), "Text.\n\nYours faithfully,\n\nAna Roe\nThe corporate team"),
    ("signs_with", ("Yours faithfully",), "All is said. Yours faithfully, Ana Roe"),
    ("no_first_person_singular", (), "Section I applies to disk I/O. My\u00f3 agrees.\n```\nI = me\n```"),
    ("no_first_person_plural", (), "I agree with the US office."),
    ("no_second_person", (), "The youth asked. YOUNG is a name."),
    ("no_calendar_date", (), "Within 5 to 7 business days, the 2nd time, section 12, and on the 3rd day."),
    ("has_calendar_date", (), "It arrives on 20 November 2026."),
    ("has_calendar_date", (), "You will have it by Friday the 20th."),
    ("bullets", 2, "- one\n* two\n3. three"),
    ("no_bullets", (), "A well-known - dash, 3.5 kg.\n**Bold**\n-5 degrees\n```diff\n- a\n+ b\n```"),
    ("list_items", 2, "Two:\n 1) one\n 2) two\n```\n- x\n```"),
    ("first_person_singular", (), "I've looked at it, by US mail."),
    ("first_person_singular", (), "My apologies."),
    ("first_person_singular", (), "I\u2019m sorry.\n```\nwe = our\n```"),
    ("first_person_plural", (), "Our team, under Section I, checks disk I/O."),
    ("first_person_plural", (), "We\u2019ll do it."),
    ("max_code_lines", 2, fenced("a = 1\n\nb = 2")),
    ("max_code_lines", 0, "no code"),
    ("keeps_signature", SIGNATURE, fenced("def parse(text:str,*,strict:bool=False)->Span:\n    return text")),
    ("keeps_signature", SIGNATURE + ":", fenced(f"x = 1\nclass A:\n    {SIGNATURE}: ...\n")),
    ("keeps_signature", SIGNATURE, f"1. so\n   ```python\n   {SIGNATURE}:\n       return 1\n   ```\n"),
    (
        "keeps_signature",
        "def f(x)",
        "It was:\n" + fenced("def f(y): ...") + "It should be:\n" + fenced("def f(x): ..."),
    ),
    ("no_docstring", (), fenced('def f(x):\n    "Do it."') + "Without:\n" + fenced("def f(x):\n    return x")),
    ("imports_only", ("re", "urllib"), fenced("import re\nfrom urllib.parse import quote\nfrom . import other")),
    ("imports_only", (), fenced("x = 'import os'")),
    ("imports_only", ("re",), fenced("- import os\n+import re\n @@")),
    ("code_includes", ("# backport of I1",), fenced("# Backport of I1\nx = 1")),
    ("code_excludes", ("# backport of",), "The tool writes `# backport of`.\n" + fenced("x = 1")),
    ("has_docstring", (), fenced('def f(x):\n    "Do it."\n    return x')),
    ("has_docstring", (), fenced("def g(): ...") + fenced("async def f(x):\n    '''Do it.'''")),
    ("no_docstring", (), fenced("def f(x):\n    # Do it.\n    return 'x'")),
    ("no_docstring", (), "The docstring goes."),
    ("no_code", (), "Use `x` inline."),
    ("has_code", (), fenced("x")),
]

VIOLATED: list[tuple[str, Argument, str, list[str]]] = [
    ("max_words", 2, "one two three", []),
    ("min_words", 4, "one two three", []),
    ("min_words", 4, "One - two three", []),
    ("min_words", 4, "```\nx = 1\n```\nDone", []),
    ("max_sentences", 1, "One here. Two here. Three here.", ["Two here.", "Three here."]),
    ("includes_any", ("voucher", "gift"), "vouchers", []),
    ("excludes", ("voucher", "gift card"), "A Gift card or a VOUCHER.", ["Gift card", "VOUCHER"]),
    ("excludes", ("ça",), "\u0130stanbul, ÇA va", ["ÇA"]),
    ("opens_with", ("Dear Ms Roe",), "Dear Ms Roebuck, thanks", []),
    ("opens_with", ("Dear",), "", []),
    ("closes_with", ("Kind regards",), "Kind regards to all.\nThen more.", []),
    ("closes_with", ("Kind regards",), "", []),
    ("closes_with", ("Shall I go ahead",), "Shall I go ahead? Tell me soon.", []),
    ("greets_by", ("Ana",), "Dear Ana Roe,", []),
    ("greets_by", ("Ana",), "Dear Ms Ana,", []),
    ("greets_by", ("Ana",), "Ana's parcel is here.", []),
    ("greets_by", ("Ana",), "Dear customer,\nAna is well.", []),
    ("greets_by", ("Ms Roe",), "Dear Roe,", []),
    ("greets_by", ("Ms Roe",), "Dear Ana Roe,", []),
    ("greets_by", ("Roe",), "Dear Monroe,", []),
    ("last_line_begins", ("The desk",), "Text.\nKind regards, The desk", []),
    ("last_line_begins", ("The desk",), "", []),
    ("signs_with", ("Yours faithfully",), "Yours faithfully is how we sign.\n" + "More text follows here.\n" * 4, []),
    ("signs_with", ("Yours faithfully",), "Kind regards\nAna", []),
    ("no_first_person_singular", (), "I asked my boss.", ["I", "my"]),
    ("no_first_person_plural", (), "We asked our boss.", ["We", "our"]),
    ("no_second_person", (), "You and your boss, yourself.", ["You", "your", "yourself"]),
    (
        "no_calendar_date",
        (),
        "You will have it on 20 November 2026, or 2026-11-21.",
        ["20 November 2026", "2026-11-21"],
    ),
    ("no_calendar_date", (), "You will have it by Friday the 20th.", ["Friday the 20th"]),
    ("no_calendar_date", (), "It lands on the 3rd.", ["on the 3rd"]),
    ("has_calendar_date", (), "In 5 days.", []),
    ("bullets", 2, "- one\nand 2. two", []),
    ("no_bullets", (), "So:\n- one\n2. two", ["- ", "2. "]),
    ("list_items", 1, "- one\n- two", ["- "]),
    ("list_items", 3, "- one\n- two", []),
    ("first_person_singular", (), "I asked and we agreed with us.", ["we", "us"]),
    ("first_person_singular", (), "It is done.", []),
    ("first_person_plural", (), "We asked, but I and my boss said no. Me too.", ["I", "my", "Me"]),
    ("first_person_plural", (), "Section I applies in the US.", []),
    ("max_code_lines", 1, fenced("a = 1\nb = 2"), ["a = 1\nb = 2\n"]),
    ("keeps_signature", SIGNATURE, "no code", []),
    ("keeps_signature", SIGNATURE, fenced("def other(): ..."), []),
    ("keeps_signature", SIGNATURE, fenced("def parse(: ..."), []),
    ("keeps_signature", "def f(x)", fenced("def f(x, y): ..."), ["def f(x, y): ...\n"]),
    ("keeps_signature", "def f(x)", fenced("def f(x=1): ..."), ["def f(x=1): ...\n"]),
    ("keeps_signature", "def f(x)", fenced("def f(x) -> int: ..."), ["def f(x) -> int: ...\n"]),
    ("keeps_signature", "def f(x)", fenced("async def f(x): ..."), ["async def f(x): ...\n"]),
    ("keeps_signature", "def f(x)", fenced("def f(x): ...") + fenced("def f(y): ..."), ["def f(y): ...\n"]),
    ("imports_only", ("re",), fenced("import re\nimport os.path"), ["import re\nimport os.path\n"]),
    ("imports_only", ("re",), fenced("def f():\n    from os import x"), ["def f():\n    from os import x\n"]),
    ("imports_only", (), fenced("__import__('os').x"), ["__import__('os').x\n"]),
    (
        "imports_only",
        ("importlib",),
        fenced("import importlib\nimportlib.import_module('os')"),
        ["import importlib\nimportlib.import_module('os')\n"],
    ),
    ("imports_only", (), fenced("import os\nbroken("), ["import os\nbroken(\n"]),
    ("code_includes", ("# backport of I1",), "# backport of I1\n" + fenced("x = 1"), []),
    ("code_excludes", ("# backport of",), fenced("x = 1\n# Backport of I1"), ["# Backport of"]),
    ("has_docstring", (), fenced("def f(x):\n    return x"), []),
    ("has_docstring", (), '"Do it."', []),
    ("no_docstring", (), fenced('def f(x):\n    "Do it."'), ['def f(x):\n    "Do it."\n']),
    ("no_code", (), fenced("x"), ["x\n"]),
    ("has_code", (), "Use `x` inline.", []),
]


@pytest.mark.parametrize(("name", "argument", "text"), KEPT)
def test_a_text_that_keeps_a_check_violates_nothing(name: str, argument: Argument, text: str) -> None:
    assert violation(Check(name=name, argument=argument), text) is None


@pytest.mark.parametrize(("name", "argument", "text", "where"), VIOLATED)
def test_a_violation_says_where(name: str, argument: Argument, text: str, where: list[str]) -> None:
    spans = violation(Check(name=name, argument=argument), text)
    assert spans is not None
    assert [span.of(text) for span in spans] == where


@pytest.mark.parametrize("name", checks.names())
def test_every_check_is_shown_kept_and_violated(name: str) -> None:
    assert name in {row[0] for row in KEPT}
    assert name in {row[0] for row in VIOLATED}


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (Check(name="max_word", argument=3), r"^no check 'max_word'\. Did you mean 'max_words'\?$"),
        (Check(name="xyzzy"), r"^no check 'xyzzy'\.$"),
        (Check(name="max_words", argument="three"), r"check max_words needs a whole number, 0 or more, got 'three'"),
        (Check(name="max_words", argument=-1), r"check max_words needs a whole number, 0 or more, got -1"),
        (Check(name="min_words"), r"check min_words needs a whole number, 0 or more, got \(\)"),
        (Check(name="excludes", argument="word"), r"check excludes needs a list of texts, got 'word'"),
        (Check(name="excludes"), r"check excludes needs a list of texts, none of them empty, got \(\)"),
        (Check(name="opens_with", argument=("",)), r"needs a list of texts, none of them empty, got \('',\)"),
        (Check(name="excludes", argument=(" ",)), r"needs a list of texts, none of them empty, got \(' ',\)"),
        (Check(name="no_code", argument=2), r"check no_code needs no argument, got 2"),
        (Check(name="keeps_signature", argument=3), r"check keeps_signature needs a text, got 3"),
        (
            Check(name="keeps_signature", argument="f(x)"),
            r"needs a line such as 'def f\(x: int\) -> int', got 'f\(x\)'",
        ),
    ],
)
def test_a_check_that_cannot_be_made_is_refused(check: Check, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        violation(check, "a text")


ARGUMENTS: dict[str, Argument] = {name: argument for name, argument, _ in KEPT}

HARD = {
    "one word": "a" * 16_000,
    "spaces": " " * 16_000,
    "list items": "- I we 1\n" * 1_700,
    "fences": "```\n" * 4_000,
    "deep code": fenced("import_module" + ".a" * 7_000 + "()"),
    "deep default": fenced("def parse(text=a" + ".a" * 900 + "): ..."),
    "nested code": fenced("(" * 7_000),
    "calls": fenced("f" + "()" * 900),
    "imports": fenced("import os\n" * 1_500 + "("),
    "ordinals": "on the 1st " * 1_400,
    "not text": "\x00\ud800\u0130" * 5_000,
}


@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
@pytest.mark.parametrize("name", checks.names())
def test_hard_texts_cost_little_and_raise_nothing(name: str, text: str) -> None:
    start = time.thread_time()
    violation(Check(name=name, argument=ARGUMENTS[name]), text)
    assert time.thread_time() - start < 1.0
