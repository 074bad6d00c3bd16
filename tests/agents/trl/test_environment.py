"""One rollout with tools: what a model is told, what it may do, and what its rollout earns."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge_agents.client import ArenaClient, ArenaGarbled, ArenaRefused, ArenaUnreachable
from forge_agents.trl import ForgeArena, OverseerEnvironment
from forge_arena.errors import InvalidVerdict
from forge_arena.types import Form, Verdict
from forge_arena.wire import Attempt

from ..conftest import TOKEN
from ..train.proxy import Proxy, proxied

RIGHT = {"detection": False, "explanation": "", "correction": "", "confidence": 0.9}


def row(client: ArenaClient, form: Form = Form.clean) -> dict[str, Any]:
    """A row of a dataset."""
    (episode,) = client.open_episodes(count=1, start=7, form=form).episodes
    return {"prompt": [], "key": episode.key, "digest": episode.observation.digest}


@pytest.fixture
def environment(arena_url: str) -> Iterator[OverseerEnvironment]:
    with ForgeArena(arena_url, token=TOKEN, patience=5.0) as arena:
        yield arena.environment()


@pytest.fixture
def proxy(arena_url: str) -> Iterator[Proxy]:
    with proxied(arena_url) as proxy:
        yield proxy


def test_a_verdict_earns_what_it_earns_over_rest(environment: OverseerEnvironment, client: ArenaClient) -> None:
    given = row(client)
    assert environment.reset(**given) is None  # type: ignore[func-returns-value]
    environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
    (episode,) = client.open_episodes(keys=[given["key"]]).episodes
    (result,) = client.submit([Attempt(episode_id=episode.episode_id, verdict=Verdict(**RIGHT))])  # type: ignore[arg-type]
    assert environment.get_reward() == result.reward
    assert result.reward is not None
    assert result.reward > 0.5


def test_arguments_are_read_as_a_written_verdict_is(environment: OverseerEnvironment, client: ArenaClient) -> None:
    environment.reset(**row(client))
    with pytest.raises(InvalidVerdict, match="confidence must be between 0 and 1"):
        environment.submit_verdict(False, "", "", 7)
    loose: Any = {"detection": "false", "explanation": None, "correction": None, "confidence": "90%"}
    environment.submit_verdict(**loose)
    loosely = environment.get_reward()
    environment.reset(**row(client))
    environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
    assert environment.get_reward() == loosely


def test_a_rollout_without_a_verdict_earns_0(environment: OverseerEnvironment, client: ArenaClient) -> None:
    environment.reset(**row(client))
    assert environment.probe("Is that so?")
    assert environment.get_reward() == 0.0


def test_a_probe_beyond_the_limit_is_the_models_own_mistake(
    environment: OverseerEnvironment, client: ArenaClient
) -> None:
    environment.reset(**row(client))
    environment.probe("Is that so?")
    assert "all 1 probes of this episode are used" in environment.probe("Really?")
    environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
    assert (environment.get_reward() or 0.0) > 0.5


def test_the_tools_of_the_arena_answer_and_a_wrong_argument_is_an_answer_too(
    environment: OverseerEnvironment, client: ArenaClient
) -> None:
    environment.reset(**row(client))
    passage = environment.read_passage(1)
    assert passage.startswith("[1 of ")
    word = max(passage.split(), key=len)
    assert word in environment.search_source(word)
    assert environment.calculate("6 * 7") == "42"
    assert "write numbers" in environment.calculate("6 *")
    environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the episode is over"):
        environment.calculate("6 * 7")


def test_the_verdict_ends_the_episode(environment: OverseerEnvironment, client: ArenaClient) -> None:
    environment.reset(**row(client))
    environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
    for again in (lambda: environment.submit_verdict(True, "", "", 0.5), lambda: environment.probe("Is that so?")):
        with pytest.raises(ValueError, match="the episode is over: the verdict was given"):
            again()
    assert (environment.get_reward() or 0.0) > 0.5


def test_another_reset_is_another_episode(environment: OverseerEnvironment, client: ArenaClient) -> None:
    environment.reset(**row(client))
    environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
    environment.reset(**row(client, Form.corrupted))
    assert environment.probe("Is that so?")
    environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
    assert (environment.get_reward() or 0.0) < 0.2


def test_another_observation_than_the_one_in_the_prompt_is_refused(
    environment: OverseerEnvironment, client: ArenaClient
) -> None:
    with pytest.raises(ArenaGarbled, match=r"is another than the one in the dataset.*Make the dataset anew"):
        environment.reset(**{**row(client), "digest": "0" * 16})


def test_a_worker_that_fails_is_no_score(moody: tuple[str, Path]) -> None:
    url, down = moody
    with ForgeArena(url, patience=60.0) as arena:
        given = row(arena.client())
        environment = arena.environment()
        environment.reset(**given)
        down.touch()
        with pytest.raises(ArenaRefused):
            environment.probe("Is that so?")
        with pytest.raises(ValueError, match="the episode failed"):
            environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
        assert environment.get_reward() is None
        environment.reset(**given)
        assert environment.get_reward() is None
        down.unlink()
        environment.reset(**given)
        environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
        assert (environment.get_reward() or 0.0) > 0.5


def test_an_episode_that_is_gone_is_no_score(arena_url: str, client: ArenaClient) -> None:
    with ForgeArena(arena_url, token=TOKEN, patience=5.0) as arena:
        environment = arena.environment()
        environment.reset(**row(client))
        assert environment._episode is not None
        client.delete(environment._episode.episode_id)
        with pytest.raises(ArenaRefused):
            environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
        assert environment.get_reward() is None


def test_an_arena_that_stays_away_stops_the_run_even_if_the_model_is_told_first(
    proxy: Proxy, client: ArenaClient
) -> None:
    with ForgeArena(proxy.url, token=TOKEN, patience=0.3) as arena:
        environment = arena.environment()
        environment.reset(**row(client))
        proxy.losing = 1_000
        with pytest.raises(ArenaUnreachable):
            environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
        with pytest.raises(ArenaUnreachable):
            environment.get_reward()
        proxy.losing = 0
        environment.reset(**row(client))
        proxy.losing = 1_000
        with pytest.raises(ArenaUnreachable):
            environment.get_reward()


def test_a_reward_of_another_version_is_refused(proxy: Proxy, client: ArenaClient) -> None:
    def pay_more(answer: dict[str, Any]) -> dict[str, Any]:
        answer["results"][0]["reward"] += 0.01
        return answer

    proxy.change = pay_more
    with ForgeArena(proxy.url, token=TOKEN, patience=0.3) as arena:
        environment = arena.environment()
        environment.reset(**row(client))
        with pytest.raises(ArenaGarbled, match="trainer and arena must be of the same version"):
            environment.submit_verdict(**RIGHT)  # type: ignore[arg-type]
        with pytest.raises(ArenaGarbled):
            environment.get_reward()


def test_every_tool_says_what_it_does_and_what_it_takes() -> None:
    utils = pytest.importorskip("transformers.utils")
    public = [
        (name, method)
        for name, method in inspect.getmembers(OverseerEnvironment, inspect.isfunction)
        if not name.startswith("_") and name not in ("reset", "get_reward")
    ]
    assert [name for name, _ in public] == ["calculate", "probe", "read_passage", "search_source", "submit_verdict"]
    environment = OverseerEnvironment(lambda: pytest.fail("no request is needed"))
    for name, _ in public:
        function = utils.get_json_schema(getattr(environment, name))["function"]
        assert function["description"]
        parameters = function["parameters"]
        assert parameters["required"] == list(parameters["properties"])
        assert all(value["description"] for value in parameters["properties"].values())
    schema = utils.get_json_schema(environment.submit_verdict)["function"]["parameters"]["properties"]
    assert list(schema) == list(RIGHT)
    assert [schema[name]["type"] for name in schema] == ["boolean", "string", "string", "number"]
