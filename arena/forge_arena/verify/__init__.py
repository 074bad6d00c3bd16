"""Read an answer and say which claims of its scenario it states and which it breaks. Labels are decided here.

sentence_reader   which claims one sentence states, and with which values
checks            the rules of a task, each as a function of the text
code              run a code block against the cases of a claim
verifier          one report on the whole answer: `Verifier.verify(text) -> ClaimReport`
"""

from forge_arena.verify.verifier import INVENTED, ClaimReport, Finding, Unsupported, Verifier

__all__ = ["INVENTED", "ClaimReport", "Finding", "Unsupported", "Verifier"]
