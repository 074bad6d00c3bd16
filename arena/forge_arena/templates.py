"""Fill the jinja templates that lie in a package: pages, and the cards of models and data sets.

Needs jinja2 (the extra `report`).
"""

from typing import Any

import jinja2

from forge_arena.texts.visible import visible_value


def fill(package: str, name: str, **values: Any) -> str:
    """The template `name` of a package, with values.

    In a page (`.html.jinja`) the markup in a value is escaped; in a card it is not. In both, a hidden character is
    shown by its number.

    Args:
        package: the package whose folder holds the template, as `forge_arena.audits`.
        name: the name of its file.
        values: what the template needs. A value that is missing is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, ""),
        autoescape=name.endswith(".html.jinja"),
        undefined=jinja2.StrictUndefined,
        finalize=visible_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(**values)
