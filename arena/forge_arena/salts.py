"""The salts of the two test splits: one that is published, and the secret of an arena, which nobody else may know.

The salt enters the hash from which every random choice of an episode comes. Whoever knows the salt of a split can make
its episodes, with their truth.
"""

from forge_arena.errors import BadArgument

# The salt of the public test split. It is no secret: whoever has it makes the episodes that everybody makes.
PUBLISHED_SALT = "the public test split of ForgeArena"


def check_secret(secret: str) -> None:
    """Refuse a secret that seals nothing, because everybody knows it.

    Raises:
        BadArgument: the secret is empty, or the salt of the public test split.
    """
    if secret.strip() in ("", PUBLISHED_SALT):
        raise BadArgument(
            "secret: everybody knows this one (it is empty, or the published salt of the public test split), so "
            "it would not seal the test split; give a random text, or none, and the store makes one"
        )
