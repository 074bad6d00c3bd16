"""Who comes in: roles, hashes, rate limits, and no page of another site."""

import hashlib
import re
from typing import Any

import pytest

from forge_server.access import Access, Grant, Role, new_token
from forge_server.errors import CrossSite, Forbidden, TooFast, Unauthorized

LOCAL = "127.0.0.1:8000"


def bearer(token: str) -> str:
    return f"Bearer {token}"


def admit(
    access: Access, method: str, path: str, *, authorization: str = "", host: str = LOCAL, origin: str = ""
) -> None:
    access.admit(method, path, authorization=authorization, host=host, origin=origin)


def test_a_new_token_opens_with_what_the_server_was_told_of_it_and_that_does_not_show_it() -> None:
    token, told = new_token(Role.player)
    assert token not in told
    assert Grant.of(told) == Grant(hashlib.sha256(token.encode()).digest(), Role.player)
    access = Access([told], None)
    admit(access, "POST", "/v1/verdicts", authorization=bearer(token), host="arena.example")
    for wrong, message in (
        ("", "needs a token: send the header"),
        (f"Basic {token}", "needs a token: send the header"),
        (bearer(token + "x"), "does not know the token"),
        (bearer(told), "does not know the token"),
    ):
        with pytest.raises(Unauthorized, match=message):
            admit(access, "POST", "/v1/verdicts", authorization=wrong, host="arena.example")


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("player:a long token", Role.player),
        ("trainer:a long token", Role.trainer),
        ("a long token", Role.admin),
        ("admin:a:long:token", Role.admin),
        (" trainer: a long token\n", Role.trainer),
    ],
)
def test_a_token_has_the_role_before_its_colon(text: str, role: Role) -> None:
    assert Grant.of(text).role is role


@pytest.mark.parametrize(
    "text",
    ["plyaer:a long token", "Player:a long token", "teacher:sha256:" + "a" * 64, ":a long token", "a long:token"],
)
def test_a_mistyped_role_makes_no_token_of_an_admin(text: str) -> None:
    with pytest.raises(ValueError, match="its role, one of player, trainer, admin") as refusal:
        Grant.of(text)
    assert "long" not in str(refusal.value)


@pytest.mark.parametrize("written", ["{}", " {}", "player: {} ", "\tadmin:{}\n"])
def test_spaces_around_a_token_are_no_part_of_it(written: str) -> None:
    access = Access([written.format("a long token")], None)
    admit(access, "GET", "/v1/stats", authorization=bearer("a long token"))


@pytest.mark.parametrize(
    "text", ["player:short", "sha256:abc", "player:sha256:" + "g" * 64, "ümläuts are none", "a\ttab"]
)
def test_a_token_that_no_header_can_carry_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="token") as refusal:
        Grant.of(text)
    assert text not in str(refusal.value)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
def test_a_player_reads_the_curriculum_and_does_not_set_it(role: Role, method: str) -> None:
    access = Access([f"{role}:a long token"], None)
    if role is Role.player and method != "GET":
        with pytest.raises(Forbidden, match="needs the role trainer: the token is a player's"):
            admit(access, method, "/v1/curriculum", authorization=bearer("a long token"))
    else:
        admit(access, method, "/v1/curriculum", authorization=bearer("a long token"))


def test_a_token_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up() -> None:
    now = 0.0
    access = Access(["player:first token", "player:second token", "admin:third token"], 2.0, clock=lambda: now)

    def ask(token: str) -> None:
        admit(access, "GET", "/v1/stats", authorization=bearer(token))

    for _ in range(20):
        ask("first token")
    with pytest.raises(TooFast, match="2 times a second") as refusal:
        ask("first token")
    assert refusal.value.retry_after == 1
    ask("second token")
    for _ in range(50):
        ask("third token")
    now = 0.5
    ask("first token")
    with pytest.raises(TooFast):
        ask("first token")
    now = 1_000.0
    for _ in range(20):
        ask("first token")
    with pytest.raises(TooFast):
        ask("first token")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.0.0.2:1", "[::1]:8000", "LOCALHOST", ""])
def test_without_a_token_the_names_of_this_machine_are_answered(host: str) -> None:
    admit(Access([], None), "GET", "/v1/stats", host=host)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.1"])
def test_without_a_token_a_name_that_dns_could_turn_is_refused(host: str) -> None:
    with pytest.raises(CrossSite, match="answers only to localhost"):
        admit(Access([], None), "GET", "/v1/stats", host=host)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:9000", "http://127.0.0.1:80000", "http://[", "http://[host]"],
)
@pytest.mark.parametrize("tokens", [[], ["a long token"]])
def test_a_page_of_another_site_is_refused(origin: str, tokens: list[str]) -> None:
    access = Access(tokens, None)
    with pytest.raises(CrossSite, match="web page of another site"):
        admit(access, "POST", "/v1/episodes", authorization=bearer("a long token"), origin=origin)
    admit(access, "POST", "/v1/episodes", authorization=bearer("a long token"), origin=f"http://{LOCAL}")


async def test_over_http_roles_rates_and_sites_are_kept(serve: Any) -> None:
    async with serve(tokens=("player:a token to play", "trainer:a token to train"), rate=0.5) as running:
        play = {"authorization": "Bearer a token to play"}
        train = {"authorization": "Bearer a token to train"}
        answer = await running.http.delete("/v1/curriculum", headers=play)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
        assert (await running.http.delete("/v1/curriculum", headers=train)).status_code == 204
        answers = [await running.http.get("/v1/stats", headers=play) for _ in range(8)]
        late = answers[-1]
        assert (answers[0].status_code, late.status_code, late.json()["error"]["code"]) == (200, 429, "too_fast")
        assert int(late.headers["retry-after"]) in (1, 2)
        assert (await running.http.get("/v1/stats", headers=train)).status_code == 200
        foreign = await running.http.get("/v1/stats", headers={**train, "origin": "https://evil.example"})
        assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "cross_site")


async def test_no_other_site_is_allowed_in_by_cors_and_no_answer_is_kept_or_framed(server: Any) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for answer in (
        await server.http.options("/v1/episodes", headers=asked),
        await server.http.get("/health"),
        await server.http.get("/leaderboard"),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"


async def test_an_episode_is_found_only_by_an_id_that_nobody_can_guess_and_none_is_listed(server: Any) -> None:
    episodes = await server.open(count=20)
    ids = {episode["episode_id"] for episode in episodes}
    assert all(re.fullmatch(r"[\w-]{24}", id) for id in ids)
    assert len(ids) == 20
    document = (await server.http.get("/openapi.json")).json()
    assert "get" not in document["paths"]["/v1/episodes"]
    for path in ("/v1/stats", "/metrics", "/v1/leaderboard"):
        text = (await server.http.get(path)).text
        assert not any(id in text for id in ids)
