import pytest

from forge_arena.tools import ToolFailed
from forge_arena.tools.calculate import calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 + 0.2", "0.3"),
        ("77 * 459 * (1 - 9%)", "32162.13"),
        ("£1,800 / 3", "600"),
        ("100 / 3", "100/3 (about 33.3333333333)"),
        ("round(100 / 3, 2)", "33.33"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("17 % 5", "2"),
        ("-2 ** 2", "-4"),
        ("-1 / 8", "-0.125"),
        ("max(3, 7, 5) - abs(-2)", "5"),
        ("sum(0.1, 0.2, 0.3)", "0.6"),
        ('date("2026-11-14") + 30', "2026-12-14 (Monday)"),
        ('"2026-03-01" - 1', "2026-02-28 (Saturday)"),
        ("date(2024, 2, 28) + 1", "2024-02-29 (Thursday)"),
        ('"2026-12-01" - "2026-11-01"', "30"),
        ('days("2026-04-04", "2026-07-01")', "88"),
        ('workdays("2026-11-13", "2026-11-16")', "1"),
        ('add_workdays("2026-11-13", 1)', "2026-11-16 (Monday)"),
        ('add_workdays("2026-11-14", 1)', "2026-11-16 (Monday)"),
        ('add_workdays("2026-11-14", -1)', "2026-11-13 (Friday)"),
        ('add_workdays("2026-11-16", -1)', "2026-11-13 (Friday)"),
        ("max(5, 100)", "100"),
        ("round((1,800 + 0.5) / 3, 2)", "600.17"),
        ("2 * (1,800,000)", "3600000"),
    ],
)
def test_values_are_exact(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("1 / 0", "divides by zero"),
        ("2 ** 5000", "the power is too large"),
        ("((9 ** 60) ** 60) ** 60", "the power is too large"),
        ("1e999999999", "write numbers with digits and a point"),
        ("0x1F", "write numbers with digits and a point"),
        ("(" * 400, "this is no expression"),
        ("5 +", "this is no expression"),
        ("True + 1", "this cannot be calculated"),
        ("[1, 2]", "this cannot be calculated"),
        ("x + 1", "this cannot be calculated"),
        ("().__class__", "this cannot be calculated"),
        ("open(1)", "there is no function open"),
        ("__import__('os')", "there is no such date"),
        ('"2026-02-30" + 1', "there is no such date"),
        ('"2026-02-28" * 2', "with dates only"),
        ('"9999-12-31" + 5', "out of the calendar"),
        ('"2026-02-28" + 0.5', "a whole number"),
        ("max(5,100)", "a comma parts its arguments: write 1800 for 1,800"),
        ("sum (1,800 * 2, 3)", "a comma parts its arguments"),
        ("round(1, 99)", "round takes 0 to 12 digits"),
    ],
)
def test_what_is_no_arithmetic_is_refused_with_what_to_write(expression: str, message: str) -> None:
    with pytest.raises(ToolFailed, match=message):
        calculate(expression)
