"""Find the JSON in what a model wrote, which may stand in a fence or among sentences."""

import json
import re

MOST_FAILURES = 64

_START = re.compile(r"[\[{]")


def json_in(text: str) -> object:
    """The longest JSON list or object in a text, whatever stands around it; None if there is none."""
    decoder = json.JSONDecoder()
    longest: object = None
    size = end = failures = 0
    for start in _START.finditer(text):
        if start.start() < end:
            continue
        try:
            value, end = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            # Each failure may have read far, so a text of brackets alone would take minutes.
            failures += 1
            if failures == MOST_FAILURES:
                break
            continue
        if end - start.start() > size:
            longest, size = value, end - start.start()
    return longest
