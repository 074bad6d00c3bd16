"""Say all that a client needs to ask a model for a verdict: the prompts, and what the reward pays for."""

from forge_arena import rewards
from forge_arena.profiles import Profile
from forge_arena.prompts import prompt_forms
from forge_arena.wire import Prompts, RewardRule, RewardTerm
from forge_server.grading import grader


def prompts(profile: Profile) -> Prompts:
    """The prompts of this version, and the rule by which a server with this profile grades."""
    terms = tuple(
        RewardTerm(
            name=term.name,
            weight=profile.weights[term.name],
            pays_for=term.pays_for,
            field=term.field,
            cleared=1.0 if term.stated else term.cleared,
            flagged=1.0 if term.stated else term.flagged,
            named=term.named,
        )
        for term in rewards.terms()
    )
    return Prompts(prompts=prompt_forms(), reward=RewardRule(profile=profile.name, grader=grader(profile), terms=terms))
