"""A store as it is after long use: filled by SQL, because a million episodes played one by one would take hours.

Everything grows with the number of episodes but what belongs to `MINE`, to `PERSON` and to `SUITE`. So what they ask for
has the same answer in a small store as in a large one.
"""

import time

from sqlalchemy import create_engine, text

from forge_server.store import Store

# A token that has few episodes, runs and entries, a person who played few, and a suite with few entries.
MINE, PERSON, SUITE = "mine", "person", "suite"
# How many belong to each of the first three.
OWN = 20
# Of the episodes, only so many of the newest have a payload, so that a million need no gigabytes.
WITH_PAYLOAD = 2_000

# A number is spread over all ids by a prime, so that ids are in another order than episodes, as random ids are.
_ID = "substr(cast(1000000000000 + n * 1103515245 % 2147483647 as text), 2)"
_NUMBERS = (
    "with recursive numbers (n) as (select cast(0 as bigint) union all select n + 1 from numbers where n + 1 < :{0})"
)

FILL = (
    f"""
    insert into episodes (id, key, split, created, expires, attempts, made, status, probes_made, probes,
                          owner, player, opening, view)
    {_NUMBERS.format("episodes")}
    select id, 'forge:5:train:' || n, case n % 50 when 2 then 'val' when 3 then 'public' when 4 then 'test' else 'train' end,
        :now - :episodes + n, case status when 'open' then :now + 1e6 else :now - 1e6 end,
        1, case status when 'finished' then 1 else 0 end, status, 0, '[]',
        case when n < 2 * :own then '{MINE}' else 'another' end,
        case when n < 2 * :own and n % 2 = 1 then '{PERSON}' when n % 10 = 5 then 'player ' || n else '' end,
        case n % 20 when 3 then 2 else 1 end, 'full'
    from (
        select n, {_ID} as id, case when n >= :episodes - :own then 'open' when n % 50 = 0 then 'expired'
            when n % 200 = 1 then 'deleted' else 'finished' end as status from numbers
    ) as numbered
    order by id
    """,
    """
    insert into payloads (episode_id, episode)
    select id, case when created >= :now - :with_payload then :payload else :empty end from episodes
    where status <> 'deleted' order by id
    """,
    """
    insert into verdicts (episode_id, attempt, digest, submitted, outcome, reward, created, grader)
    select id, 0, :digest, '{}', case when number % 30 = 1 then 'invalid_verdict' else 'scored' end,
        case when number % 30 = 1 then 0.0 else (number % 11) / 10.0 end, created, '3'
    from (select id, created, cast(substr(key, 15) as integer) as number from episodes where status = 'finished') as done
    order by id
    """,
    f"""
    insert into curricula (revision, suite, created)
    {_NUMBERS.format("others")} select n + 1, 'suite ' || (n % 7), :now from numbers
    """,
    f"""
    insert into submissions (id, overseer, suite, entry, episodes, created, scorecard, owner, appearance)
    {_NUMBERS.format("others_and_own")}
    select 'submission-' || n, name, case when n < :own and n % 2 = 1 then '{SUITE}' else 'another suite' end,
        1, 0, :now - n, '{{}}', case when n < :own then '{MINE}' else 'another' end, name
    from (select n, case when n < :own then 'mine ' else 'other ' end || n as name from numbers) as named
    """,
    f"""
    insert into entered (submission_id, number, episode_id)
    {_NUMBERS.format("others")}
    select 'submission-' || (n + :own), number, {_ID} from numbers
    cross join (select 0 as number union all select 1) as twice
    """,
    f"""
    insert into runs (id, owner, name, notes, created, reported)
    {_NUMBERS.format("others")}
    select 'run-' || n, case when n < :own / 2 then '{MINE}' else 'owner ' || (n % 50) end, 'run', '', :now - n, :now
    from numbers
    """,
    f"""
    insert into run_points (run_id, kind, phase, step, numbers)
    {_NUMBERS.format("others")}
    select 'run-' || n, 'train', '', step, '{{}}' from numbers
    cross join (select 0 as step union all select 1 union all select 2) as three
    """,
)


def fill(url: str, episodes: int, *, others: int, payload: bytes = b"payload") -> None:
    """Make a store with so many episodes, and with `others` runs, curricula and entries for the leaderboard."""
    Store(url).close()
    engine = create_engine(url)
    given = {
        "episodes": episodes,
        "others": others,
        "others_and_own": others + OWN,
        "own": OWN,
        "with_payload": WITH_PAYLOAD,
        "payload": payload,
        "empty": b"",
        "digest": b"d" * 16,
        "now": time.time(),
    }
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA cache_size=-262144")
        for statement in FILL:
            connection.execute(text(statement), given)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def episode_id(number: int) -> str:
    """The id of an episode. Higher numbers are newer."""
    return f"{number * 1103515245 % 2147483647:012}"
