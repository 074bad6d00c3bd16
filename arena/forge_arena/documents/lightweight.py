"""Markdown and reStructuredText without what a reader of the page does not see: front matter, tags and directives.

Markdown may hold HTML. A page shows "we&rsquo;re" as "we're" and nothing of `<p class="big">`. Code stays as it is.
"""

import html
import re
from collections.abc import Iterator

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\n(?P<fields>(?:[^\n]*\n){0,200}?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_FIELD = re.compile(r"^[\w-]+[ \t]*:", re.MULTILINE)
_TITLE = re.compile(r"^title[ \t]*:[ \t]*(?P<quote>[\"']?)(?P<title>\S[^\n]*?)(?P=quote)[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^# \S", re.MULTILINE)
_FENCED = re.compile(r"^(?P<fence>```+|~~~+)[^\n]*\n.*?^(?P=fence)[^\n]*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_HTML_HEADING = re.compile(r"<h(?P<rank>[1-6])\b[^<>]*>(?P<title>[^<>]+)</h(?P=rank)>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:p|div|span|a|b|i|u|em|strong|small|big|sup|sub|center|font|img|section|article|header|footer|main|figure"
    r"|figcaption|details|summary|nobr|wbr|hr)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ROLE = re.compile(r":(?:[\w+.-]+:)*[\w+-]+:`(?P<text>[^`<]+?)(?: ?<[^`>]*>)?`")
_DIRECTIVE = re.compile(r"^(?P<indent>[ \t]*)\.\.[ \t]+(?:\|[^|]+\|[ \t]+)?(?P<name>[\w:+-]+)::[ \t]*(?P<rest>[^\n]*)$")
_TARGET = re.compile(r"^[ \t]*\.\.(?:[ \t]+_[^\n]*:[^\n]*|[ \t]+\[[^\]]+\][^\n]*|[ \t]*)$")
_OPTION = re.compile(r"^[ \t]+:[\w-]+:")
# What a page shows of these directives is their text, under a title or without one.
_SHOWN = frozenset(
    """
    admonition attention caution danger error hint important note tip warning seealso versionadded versionchanged
    deprecated topic sidebar epigraph highlights pull-quote compound container rubric centered
    """.split()  # noqa: SIM905
)
# What is no prose: pictures, tables of contents, other files.
_UNSEEN = frozenset("image figure toctree contents include raw meta index only highlight default-role".split())  # noqa: SIM905


def markdown_text(text: str) -> str:
    """A text in Markdown as its page shows it. The title of the front matter is a heading if there is none."""
    text = _COMMENT.sub("", text)
    matter = _FRONT_MATTER.match(text)
    if matter is not None and (not matter["fields"].strip() or _FIELD.search(matter["fields"])):
        title = _TITLE.search(matter["fields"])
        text = text[matter.end() :].lstrip("\n")
        if title is not None and not _HEADING.search(text):
            text = f"# {title['title']}\n\n{text}"
    parts, at = [], 0
    for code in _FENCED.finditer(text):
        parts += [_without_tags(text[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*parts, _without_tags(text[at:])])


def _without_tags(text: str) -> str:
    if "<" in text:
        text = _HTML_HEADING.sub(lambda match: f"\n{'#' * int(match['rank'])} {match['title'].strip()}\n", text)
        text = _TAG.sub("", _BREAK.sub("\n", text))
    return html.unescape(text) if "&" in text else text


def rest_text(text: str) -> str:
    """A text in reStructuredText as its page shows it: roles as their text, admonitions as their paragraphs."""
    if "::" not in text and ".. " not in text and ":`" not in text:
        return text
    return _ROLE.sub(lambda match: match["text"].strip(), "\n".join(_shown_lines(text.split("\n"))))


def _shown_lines(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        directive = _DIRECTIVE.match(line)
        at += 1
        if directive is None:
            if not _TARGET.match(line):
                yield line
            continue
        name = directive["name"].lower()
        if name not in _SHOWN | _UNSEEN:
            yield line
            continue
        end = at
        while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > len(directive["indent"])):
            end += 1
        if name in _SHOWN:
            body = [other for other in lines[at:end] if not _OPTION.match(other)]
            yield from _outdented([directive["rest"], *body], directive["indent"])
        at = end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _outdented(lines: list[str], indent: str) -> Iterator[str]:
    """The lines of a directive, as far to the left as the directive."""
    least = min((_indent(line) for line in lines[1:] if line.strip()), default=0)
    yield f"{indent}{lines[0]}".rstrip()
    for line in lines[1:]:
        yield f"{indent}{line[least:]}" if line.strip() else ""
