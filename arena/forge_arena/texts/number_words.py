"""The numbers below a hundred in words."""

SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number_word(number: int) -> str:
    """A number from 0 to 99 in words; any other in digits."""
    if 0 <= number < len(SMALL):
        return SMALL[number]
    tens, ones = divmod(number, 10)
    if not 2 <= tens < 2 + len(TENS):
        return str(number)
    return TENS[tens - 2] + (f"-{SMALL[ones]}" if ones else "")
