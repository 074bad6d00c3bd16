"""Fill the templates that lie beside this file: a report's page, and cards in the Hub's format."""

from importlib.resources import files
from typing import Any

import jinja2


def filled(name: str, **values: Any) -> str:
    """The template of that name with values; in a page what is markup in a value is escaped, in a card it is not."""
    environment = jinja2.Environment(
        autoescape=name.endswith(".html.jinja"), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return environment.from_string(text).render(**values)
