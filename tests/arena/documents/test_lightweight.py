"""Markdown and reStructuredText are read as their pages show them."""

from forge_arena.documents.lightweight import markdown_text, rest_text


def test_front_matter_is_no_text_and_its_title_is_a_heading() -> None:
    page = "---\ntitle: 'Boat rules'\nlayout: page\n---\n\nMoor with the bow to the wind.\n"
    assert markdown_text(page) == "# Boat rules\n\nMoor with the bow to the wind.\n"
    assert markdown_text("---\ntitle: Boats\n---\n# Rules\n\nMoor.") == "# Rules\n\nMoor."


def test_a_rule_at_the_beginning_is_no_front_matter() -> None:
    page = "---\n\nMoor with the bow to the wind.\n\n---\n"
    assert markdown_text(page) == page


def test_tags_and_entities_are_read_as_a_page_shows_them() -> None:
    page = '<p class="big">We&rsquo;re open<br>until 8&nbsp;pm.</p>\n<h2 id="x">Fees &amp; fines</h2>\nAsk <name>.'
    assert markdown_text(page) == "We\u2019re open\nuntil 8\u00a0pm.\n\n## Fees & fines\n\nAsk <name>."


def test_code_keeps_its_tags_and_entities() -> None:
    page = "Write `<p>&lt;`.\n\n```html\n<p>&amp;</p>\n```\n"
    assert markdown_text(page) == page


def test_directives_are_read_as_a_page_shows_them() -> None:
    page = (
        "Rules\n=====\n\n.. _rules:\n\n.. important::\n   :class: red\n\n\tMoor with the bow to the wind.\n\n"
        ".. image:: boat.png\n   :width: 10\n\nSee :doc:`releases` and :ref:`the fees <fees>`.\n\n.. note:: Wear a vest.\n\n"
        ".. code-block:: python\n\n   moor()\n"
    )
    read = rest_text(page)
    assert "\nMoor with the bow to the wind.\n" in read
    assert "See releases and the fees." in read
    assert "\nWear a vest.\n" in read
    assert ".. code-block:: python\n\n   moor()" in read
    assert not any(word in read for word in ("important", "_rules", "boat.png", "note", ":class:"))
