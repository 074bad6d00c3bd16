"""Read what a form of a page sends, and check that the form came from a page of this session."""

import hmac
from urllib.parse import parse_qs

from starlette.requests import Request

from forge_server.errors import Forbidden, InvalidRequest
from forge_server.sessions import PageSession, PageSessions

# More fields than any of our forms has: a mark for each piece of an answer and of its source.
MOST_FIELDS = 10_000
TOKEN = "form_token"  # noqa: S105 - the name of a field


class Form:
    """The fields of a form, each with all its values, in the order in which they were sent."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self._fields = fields

    def get(self, name: str, default: str = "") -> str:
        """The one value of a field. Browsers send line ends as CR LF; here they are LF.

        Raises:
            InvalidRequest: the field has several values.
        """
        values = self._fields.get(name, [default])
        if len(values) > 1:
            raise InvalidRequest(f"{name}: this field was sent {len(values)} times: send it once")
        return with_plain_line_ends(values[0])

    def numbers(self, name: str) -> frozenset[int]:
        """All values of a field of ticked boxes. Raises `InvalidRequest` if one is no number."""
        values = self._fields.get(name, [])
        if not all(value.isascii() and value.isdigit() and len(value) < 10 for value in values):
            raise InvalidRequest(f"{name}: each value must be the number of a piece")
        return frozenset(map(int, values))


def with_plain_line_ends(text: str) -> str:
    """The text with LF at the end of each line."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


async def read_form(request: Request) -> Form:
    """The body of a request as a form.

    Raises:
        InvalidRequest: the body is no form, or has too many fields.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise InvalidRequest("a page's form must come as application/x-www-form-urlencoded")
    try:
        body = (await request.body()).decode()
        return Form(parse_qs(body, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError:
        # UnicodeDecodeError is one. The message would repeat what was sent.
        raise InvalidRequest(f"the form must be UTF-8 with at most {MOST_FIELDS} fields") from None


def check_token(form: Form, session: PageSession | None, sessions: PageSessions) -> PageSession:
    """The session of a form. Raises `Forbidden` if there is none, or if the form does not carry the session's token."""
    if session is None or not hmac.compare_digest(
        form.get(TOKEN).encode("utf-8", "replace"), sessions.form_token(session).encode()
    ):
        raise Forbidden("this form is not from a page of your session: open the page again, and send it from there")
    return session
