"""Calculate exactly: whole numbers, decimals, percentages and dates, without `eval`.

Every number is a fraction, so 0.1 + 0.2 is 0.3. The expression is parsed by Python's own parser and walked node by
node; a node that is not listed here is refused.
"""

import ast
import operator
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np
from pydantic import Field

from forge_arena.tools.base import ToolFailed
from forge_arena.types import Noun, Observation

Value: TypeAlias = Fraction | date

# Bits of a numerator or denominator, so that no power takes long.
MAX_BITS = 4_096
# Significant digits of a number that no decimal gives exactly.
DIGITS = 12
# Decimal places of a number that a decimal gives exactly.
PLACES = 30
_CURRENCY = re.compile(r"[$€£¥]")
# A bracket with the name before it, if it has one; or the comma of a number like 1,800.
_BRACKET_OR_THOUSANDS = re.compile(r"(?P<name>\w*)\s*\(|\)|(?<=\d),(?=\d{3}(?!\d))")
# `9%` is 9/100. A remainder is `17 % 5`, with something behind the sign.
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%(?!\s*[\w(\"'.])")
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
HOW = (
    "write numbers, + - * / // % **, brackets, percentages like 9%, "
    'date("2026-11-14"), days(d1, d2), workdays(d1, d2), add_workdays(d, n), round(x, digits), min, max, sum and abs'
)


class Expression(Noun):
    expression: str = Field(
        min_length=1, max_length=500, description='such as 77 * 459 * (1 - 9%) or date("2026-11-14") + 30'
    )


class Calculate:
    """Calculate exactly with numbers, percentages and dates. Examples: 77 * 459 * (1 - 9%); date("2026-11-14") +
    30; days("2026-04-04", "2026-07-01"); add_workdays("2026-11-14", 10); round(100 / 3, 2). Working days are
    Monday to Friday, without holidays.
    """

    name = "calculate"
    arguments = Expression
    uses = 8
    runs_code = False
    asks_worker = False

    def use(self, given: Noun, seen: Observation) -> str:
        assert isinstance(given, Expression)
        return calculate(given.expression)


def calculate(expression: str) -> str:
    """The value of an expression as text: `32162.13`, `1/3 (about 0.333333333333)`, `2026-12-14 (Monday)`.

    Raises:
        ToolFailed: says what cannot be calculated, and what may be written.
    """
    plain = _without_thousands(_CURRENCY.sub("", expression)).strip()
    plain = _PERCENT.sub(r"(\1/100)", plain)
    try:
        value = _value(ast.parse(plain, mode="eval").body, plain)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ToolFailed(f"this is no expression: {HOW}") from None
    except ZeroDivisionError:
        raise ToolFailed("this divides by zero: correct the expression") from None
    except OverflowError:
        raise ToolFailed("the date is out of the calendar (years 1 to 9999): use a smaller number of days") from None
    return _text(value)


def _without_thousands(expression: str) -> str:
    """The expression without the commas of numbers like 1,800.

    Raises:
        ToolFailed: such a comma stands between the brackets of a function, where it may also part two arguments.
    """
    parts: list[str] = []
    calls: list[bool] = []
    end = 0
    for match in _BRACKET_OR_THOUSANDS.finditer(expression):
        if match[0].endswith("("):
            calls.append(match["name"].isidentifier())
        elif match[0] == ")":
            calls[-1:] = []
        elif calls and calls[-1]:
            raise ToolFailed(
                "between the brackets of a function a comma parts its arguments: write 1800 for 1,800, and a space "
                "after the comma of two arguments, as in max(5, 100)"
            )
        else:
            parts.append(expression[end : match.start()])
            end = match.end()
    return "".join((*parts, expression[end:]))


def _value(node: ast.expr, text: str) -> Value:
    match node:
        case ast.Constant(value=str(written)):
            return _date(written)
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return _literal(ast.get_source_segment(text, node) or "")
        case ast.UnaryOp(op=ast.USub()):
            return -_number(node.operand, text)
        case ast.UnaryOp(op=ast.UAdd()):
            return _number(node.operand, text)
        case ast.BinOp(op=ast.Pow()):
            return _power(_number(node.left, text), _number(node.right, text))
        case ast.BinOp() if type(node.op) in _OPERATORS:
            return _combine(node.op, _value(node.left, text), _value(node.right, text))
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            return _call(name, node.args, text)
    raise ToolFailed(f"this cannot be calculated: {HOW}")


def _literal(written: str) -> Fraction:
    """The number as it is written, because a float has lost the decimals."""
    # Without exponents, because 1e999999999 has more digits than the memory holds.
    if not _NUMBER.fullmatch(written):
        raise ToolFailed("write numbers with digits and a point, as in 1250.50")
    return _bounded(Fraction(written))


def _combine(op: ast.operator, left: Value, right: Value) -> Value:
    if isinstance(left, date) or isinstance(right, date):
        match op, left, right:
            case ast.Sub(), date(), date():
                return Fraction((left - right).days)
            case ast.Add(), date(), Fraction():
                return left + timedelta(days=_whole(right))
            case ast.Add(), Fraction(), date():
                return right + timedelta(days=_whole(left))
            case ast.Sub(), date(), Fraction():
                return left - timedelta(days=_whole(right))
        raise ToolFailed("with dates only date + days, date - days and date - date can be calculated")
    return _bounded(Fraction(_OPERATORS[type(op)](left, right)))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    power = _whole(exponent)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(power) * bits > MAX_BITS:
        raise ToolFailed("the power is too large: calculate with smaller numbers")
    return base**power


def _call(name: str, nodes: list[ast.expr], text: str) -> Value:
    values = [_value(node, text) for node in nodes]
    numbers = [value for value in values if isinstance(value, Fraction)]
    dates = [value for value in values if isinstance(value, date)]
    match name, dates, numbers:
        case "date", [day], []:
            return day
        case "date", [], [year, month, day_of_month]:
            return _date(f"{_whole(year):04d}-{_whole(month):02d}-{_whole(day_of_month):02d}")
        case "days", [first, last], []:
            return Fraction((last - first).days)
        case "workdays", [first, last], []:
            return Fraction(int(np.busday_count(first, last)))
        case "add_workdays", [day], [count]:
            # From a weekend, the first working day after it is Monday and the first one before it is Friday.
            roll: Literal["backward", "forward"] = "backward" if count >= 0 else "forward"
            moved = np.busday_offset(np.datetime64(day, "D"), _whole(count), roll=roll)
            return date.fromisoformat(str(moved))
        case "round", [], [number]:
            return Fraction(_round(number, 0))
        case "round", [], [number, digits]:
            return _round(number, _whole(digits))
        case (("min" | "max"), [], [_, *_]):
            return min(numbers) if name == "min" else max(numbers)
        case "sum", [], [_, *_]:
            return _bounded(sum(numbers, Fraction(0)))
        case "abs", [], [number]:
            return abs(number)
    raise ToolFailed(f"there is no function {name} of these arguments: {HOW}")


def _round(number: Fraction, digits: int) -> Fraction:
    """Half away from zero, as money is rounded; Python's own `round` takes a half to the even digit."""
    if not 0 <= digits <= DIGITS:
        raise ToolFailed(f"round takes 0 to {DIGITS} digits")
    scaled = abs(number) * 10**digits
    whole = int(scaled + Fraction(1, 2))
    return Fraction(whole if number >= 0 else -whole, 10**digits)


def _number(node: ast.expr, text: str) -> Fraction:
    value = _value(node, text)
    if not isinstance(value, Fraction):
        raise ToolFailed("a number is wanted where a date stands")
    return value


def _whole(number: Fraction) -> int:
    if number.denominator != 1 or abs(number) > 10_000_000:
        raise ToolFailed("a whole number below ten million is wanted here")
    return int(number)


def _bounded(number: Fraction) -> Fraction:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise ToolFailed("the number is too large: calculate with smaller numbers")
    return number


def _date(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise ToolFailed('there is no such date; a date reads "2026-11-14": year, month and day') from None


def _text(value: Value) -> str:
    if isinstance(value, date):
        return f"{value.isoformat()} ({value:%A})"
    decimal = _exact_decimal(value)
    if decimal is not None:
        return decimal
    with localcontext(prec=DIGITS):
        about = Decimal(value.numerator) / Decimal(value.denominator)
    return f"{value.numerator}/{value.denominator} (about {about})"


def _exact_decimal(number: Fraction) -> str | None:
    """The number as a decimal of at most `PLACES` places; None if it has no such form."""
    scaled = number * 10**PLACES
    if scaled.denominator != 1:
        return None
    digits = f"{abs(int(scaled)):0{PLACES + 1}d}"
    decimals = digits[-PLACES:].rstrip("0")
    whole = digits[:-PLACES]
    return ("-" if number < 0 else "") + (f"{whole}.{decimals}" if decimals else whole)


tool = Calculate()
