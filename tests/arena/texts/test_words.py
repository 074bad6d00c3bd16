"""Stems of words, also in many threads at a time."""

import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from forge_arena.texts.words import content, stem


def test_one_word_in_several_forms_has_one_stem() -> None:
    assert stem("expires") == stem("expired") == stem("expiring")
    assert content("The sockets must stand in the hallway.") == {"socket", "must", "stand", "hallway"}


def test_threads_do_not_share_a_stemmer() -> None:
    """A server verifies in threads, and the library's stemmer keeps the word in work in itself."""
    words = [
        "".join(parts) for parts in product("bcdfg", "aeiou", "lmnrt", ["ing", "ations", "fully", "iveness", "ed"])
    ]
    alone = [stem.__wrapped__(word) for word in words]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            together = list(threads.map(lambda _: [stem.__wrapped__(word) for word in words], range(16)))
    finally:
        sys.setswitchinterval(interval)
    assert together == [alone] * 16
