"""Count the rows of a store one by one, as a check of the counts that the store keeps."""

from collections.abc import Collection

from sqlalchemy import Column, Connection, func, select

from forge_server.rows import Counts
from forge_server.schema import episodes, verdicts


def recount(connection: Connection, sealed: Collection[str] = ()) -> Counts:
    """What `Store.counts` says, from the rows themselves."""

    def number_by(column: Column[str]) -> dict[str, int]:
        return {row[0]: row[1] for row in connection.execute(select(column, func.count()).group_by(column))}

    mean_reward = (
        select(func.avg(verdicts.c.reward))
        .join(episodes, episodes.c.id == verdicts.c.episode_id)
        .where(episodes.c.split.not_in(sealed), episodes.c.opening == 1)
    )
    reopened = select(func.count()).select_from(episodes).where(episodes.c.opening > 1)
    return Counts(
        episodes=number_by(episodes.c.status),
        verdicts=number_by(verdicts.c.outcome),
        mean_reward=connection.execute(mean_reward).scalar(),
        reopened=connection.execute(reopened).scalar_one(),
    )
