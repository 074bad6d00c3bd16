"""The text of a web page or a Word file as Markdown.

mammoth reads a Word file as HTML, Beautiful Soup reads HTML, and markdownify writes Markdown. What a reader of the page
does not see is left out: scripts, menus, hidden and deleted text.
"""

import re
import zipfile
from io import BytesIO
from typing import Any

from forge_arena.documents.document import Unreadable
from forge_arena.documents.word_numbers import with_written_numbers

# What a Word file may hold when it is unpacked. A file of a few kilobytes can unpack to gigabytes.
MOST_UNPACKED_BYTES = 300_000_000
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_UNSEEN = (
    *("script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "audio", "video"),
    *("select", "input", "textarea", "del", "s", "strike"),
)
_BESIDE = ("nav", "footer", "aside")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
"""


def html_text(data: bytes) -> str:
    """The text of a web page: of its main part, if the page says which part that is.

    Raises:
        Unreadable: the characters cannot be read.
        ImportError: Beautiful Soup or markdownify is not installed.
    """
    return _markdown(_decoded(data), is_page=True)


def word_text(data: bytes) -> str:
    """The text of a Word file.

    Raises:
        Unreadable: encrypted, an old .doc, no Word file, or too large when unpacked.
        ImportError: mammoth, Beautiful Soup or markdownify is not installed.
        Exception: whatever mammoth meets in a damaged file.
    """
    import mammoth

    if data.startswith(_OLD_OFFICE):
        raise Unreadable("the file is encrypted, or an old .doc: save a copy as .docx without a password")
    try:
        with zipfile.ZipFile(BytesIO(data)) as packed:
            size = sum(part.file_size for part in packed.infolist())
            if "word/document.xml" not in packed.namelist():
                raise Unreadable("the file is damaged, or no Word file: it has no part word/document.xml")
    except zipfile.BadZipFile as error:
        raise Unreadable(f"the file is damaged, or no Word file: {str(error).lower()}") from None
    if size > MOST_UNPACKED_BYTES:
        raise Unreadable(
            f"the file unpacks to {size // 1_000_000} MB, and at most {MOST_UNPACKED_BYTES // 1_000_000} MB are read"
        )
    converted = mammoth.convert_to_html(
        BytesIO(with_written_numbers(data)),
        style_map=_STYLES,
        convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
    )
    return _markdown(converted.value, is_page=False)


def _decoded(data: bytes) -> str:
    """The characters of a web page: UTF-8, or as the page itself says."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        named = _CHARSET.search(data[:4_096])
        name = named[1].decode("ascii") if named else ""
        if not name or name.lower().replace("-", "") == "utf8":
            raise Unreadable("not UTF-8, and the page names no other encoding: save it as UTF-8") from None
    try:
        return data.decode(name)
    except (UnicodeDecodeError, LookupError):
        raise Unreadable(f"not UTF-8, and not {name} either, which the page names: save it as UTF-8") from None


def _markdown(html: str, *, is_page: bool) -> str:
    from bs4 import BeautifulSoup, Comment
    from markdownify import MarkdownConverter

    soup: Any = BeautifulSoup(html, "html.parser")
    root: Any = soup.body or soup
    for comment in root.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for element in root.find_all(_UNSEEN):
        element.decompose()
    opened = {element["aria-controls"] for element in root.find_all(attrs={"aria-controls": True})}
    for element in root.find_all(_is_hidden):
        # A hidden element within a hidden element is gone already. What a button opens is hidden only until then.
        if not element.decomposed and element.get("id") not in opened:
            element.decompose()
    for element in root.find_all("button"):
        # The button that opens an answer holds the question.
        if element.find_parent(["h1", "h2", "h3", "h4", "h5", "h6", "dt"]) is not None:
            element.unwrap()
        else:
            element.decompose()
    for element in root.find_all("summary"):
        element.name = "h3"
    for table in root.find_all("table"):
        if _is_layout(table):
            _unwrap_table(table)
    if is_page:
        root = _main_part(root)
    for string in root.find_all(string=True):
        if string.find_parent("pre") is None:
            # A line break between the words of a paragraph is a space.
            string.replace_with(re.sub(r"\s+", " ", string))
    converter = MarkdownConverter(
        heading_style="ATX",
        bullets="-",
        strip=["a", "img"],
        escape_asterisks=False,
        escape_underscores=False,
        escape_misc=False,
        table_infer_header=True,
    )
    text: str = converter.convert_soup(root)
    lines = (line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _is_layout(table: Any) -> bool:
    """Whether a table only arranges a page: no cell is a head, and one has headings, tables or several paragraphs."""
    cells = [cell for cell in table.find_all(["td", "th"]) if cell.find_parent("table") is table]
    if any(cell.name == "th" for cell in cells):
        return False
    return any(
        cell.find(["h1", "h2", "h3", "h4", "h5", "h6", "table"]) is not None
        or len(cell.find_all(["p", "ul", "ol"])) > 1
        for cell in cells
    )


def _unwrap_table(table: Any) -> None:
    """Make the cells of a table the parts of a page, in order."""
    for element in table.find_all(["td", "tr", "tbody", "thead", "tfoot", "caption", "colgroup", "col"]):
        if element.find_parent("table") is table:
            element.name = "div"
            element.attrs = {}
    table.name = "div"
    table.attrs = {}


def _is_hidden(element: Any) -> bool:
    style = element.get("style") or ""
    return (
        element.has_attr("hidden")
        or element.get("aria-hidden") == "true"
        or _HIDDEN_STYLE.search(style if isinstance(style, str) else " ".join(style)) is not None
    )


def _main_part(root: Any) -> Any:
    """The part of a page that is its text, without menus and footers."""
    parts = root.find_all(["main"]) or root.find_all(attrs={"role": "main"}) or root.find_all(["article"])
    whole = len(root.get_text())
    # A page may be a list of articles, or have an article beside its text.
    if len(parts) == 1 and len(parts[0].get_text()) >= 0.3 * whole:
        root = parts[0]
    for element in root.find_all(_BESIDE):
        if not element.decomposed:
            element.decompose()
    for element in root.find_all("header"):
        if not element.decomposed and element.find(["h1", "h2"]) is None:
            element.decompose()
    return root
