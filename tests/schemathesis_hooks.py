"""What no answer of a fuzzed server may hold, beside what schemathesis checks by itself."""

import schemathesis

# Where the truth may stand at all: behind the last attempt.
MAY_TELL = {("POST", "/v1/verdicts"), ("GET", "/v1/episodes/{episode_id}"), ("POST", "/step")}


@schemathesis.check
def no_truth_leaks(ctx, response, case):  # type: ignore[no-untyped-def]
    text = response.text
    told = '"clean_output":"' in text or '"corrupted":true' in text or '"corrupted":false' in text
    if told and (case.method.upper(), case.path) not in MAY_TELL:
        raise AssertionError("the truth of an episode stands where it may not")
    if told and ":test:" in text:
        raise AssertionError("the truth of a sealed episode is told")


@schemathesis.check
def nothing_is_named_that_runs_here(ctx, response, case):  # type: ignore[no-untyped-def]
    for word in ("Traceback", "sqlalchemy", 'File "/'):
        if word in response.text and case.path not in ("/docs", "/openapi.json"):
            raise AssertionError(f"an answer shows the inside of the server: {word}")
