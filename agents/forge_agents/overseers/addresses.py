"""Say to which address the overseer of a name sends what it is shown, from the name alone."""

from urllib.parse import urlsplit

from forge_arena.endpoints.endpoint import model_and_url

ENDPOINT = "openai:"
WEBHOOK = ("http://", "https://")


def address(name: str) -> str | None:
    """The URL of an endpoint or a webhook; None for an overseer whose name holds no address.

    It is the very URL that the overseer asks. In `openai:http://a/m@http://b/v1` it is `http://b/v1`, because all that
    stands before the `@` is the name of the model.

    Raises:
        BadArgument: the name of an endpoint does not have the form `openai:MODEL@URL`.
    """
    if name.startswith(ENDPOINT):
        return model_and_url(name.removeprefix(ENDPOINT))[1]
    return name if name.startswith(WEBHOOK) else None


def host(url: str) -> str:
    """The host of a URL, with its port, and without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]
