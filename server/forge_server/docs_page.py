"""Show the API as one HTML page without scripts, style sheets or any other request, so that it works under any path."""

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --faint: #d9dde2; }
@media (prefers-color-scheme: dark) { :root { --faint: #3a4047; } }
body { margin: 0 auto; padding: 1.25rem 1rem 4rem; max-width: 60rem; font: 16px/1.5 system-ui, sans-serif; }
h2 { margin-top: 2.5rem; }
h3 { margin: 2rem 0 .25rem; padding-top: .75rem; border-top: 1px solid var(--faint); overflow-wrap: anywhere; }
h3 small { font-weight: normal; opacity: .75; }
pre { margin: .25rem 0; padding: .6rem .8rem; overflow-x: auto; border: 1px solid var(--faint); border-radius: .4rem; }
code, pre { font-size: .85rem; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .2rem .9rem .2rem 0; text-align: left; vertical-align: top; }
"""


def docs_page(schema: dict[str, Any]) -> str:
    """The page for an OpenAPI document."""
    info = schema["info"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    index = "".join(
        f'<tr><td><a href="#{_anchor(method, path)}"><code>{escape(f"{method} {path}")}</code></a></td>'
        f"<td>{escape(operation['summary'])}</td></tr>"
        for method, path, operation in operations
    )
    models = "".join(
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_json(model)}</details>'
        for name, model in sorted(schema["components"]["schemas"].items())
    )
    title = f"{escape(info['title'])} {escape(info['version'])}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>{_prose(info['description'])}"
        # The link is relative, because a proxy may serve the arena under a path.
        '<p>For programs: <a href="openapi.json">openapi.json</a>. With tokens, send '
        "<code>Authorization: Bearer TOKEN</code>.</p>"
        f"<table><tbody>{index}</tbody></table>"
        f"{''.join(_operation(*operation) for operation in operations)}<h2>Bodies</h2>{models}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    asked = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = "".join(
        f"<p>{escape(example.get('summary', name))}</p>{_json(example['value'])}"
        for name, example in asked.get("examples", {}).items()
    )
    answers = operation["responses"].items()
    answered = "".join(
        f"<p>Answer, {status}:</p>{_json(content['example'])}"
        for status, answer in answers
        for content in answer.get("content", {}).values()
        if "example" in content
    )
    return (
        f'<h3 id="{_anchor(method, path)}"><code>{escape(f"{method} {path}")}</code> '
        f"<small>{escape(operation['summary'])}</small></h3>{_prose(operation['description'])}"
        f"{_body(asked)}{examples}{answered}{_refusals(answers)}"
    )


def _body(asked: dict[str, Any]) -> str:
    if not asked:
        return ""
    name = escape(asked["schema"]["$ref"].rpartition("/")[2])
    return f'<p>Body: <a href="#{name}"><code>{name}</code></a></p>'


def _refusals(answers: Iterable[tuple[str, dict[str, Any]]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{_code(answer['description'])}</td></tr>"
        for status, answer in answers
        if not status.startswith("2")
    )
    return f"<details><summary>Refusals</summary><table><tbody>{rows}</tbody></table></details>" if rows else ""


def _anchor(method: str, path: str) -> str:
    return re.sub(r"\W+", "-", f"{method}{path}").strip("-")


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _prose(text: str) -> str:
    """Paragraphs with code between backticks, which is all the Markdown that the descriptions use."""
    return "".join(f"<p>{_code(part)}</p>" for part in re.split(r"\n\s*\n", text.strip()))


def _code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
