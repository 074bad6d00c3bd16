"""Read an answer and say which claims of its scenario it states and which it breaks. Labels are decided here.

pieces            the sentences of a text, and the pieces of overlong ones
sentence_reader   which claims one sentence states, and with which values
reading           what a sentence says of a claim at one place
topics            the claims of which the words of a sentence speak
spellings         what a sentence says by a name: options, terms, identifiers, cited passages
value_reader      what a sentence says by a value
known_values      the values of the claims, of the task and of the source
spoken            values that are said without a number
compared          of which option a place speaks, where a sentence names several
past              whether words are spoken of as past, or an option as turned down
given             whether a right value is given in the sense of the source
exchanged         whether a right value stands in the place of another value
bounds            which way a value bounds: "at least", "at most"
opposites         common words that are opposed: "open", "close"
ownership         to which claim a value belongs, where the words of its sentence alone do not say it
passages          what the source says where: the words around its values, its claims and its sections
settling          what the readings of all sentences come to, once the whole text has been read
other_words       terms, names and options that no sentence states in the words of their claims
terms             terms in other words
options           options in other words: chosen, turned down or only described
whole_statements  claims whose right form is a sentence: "A member may bring one guest."
citations         whether a passage is cited for what it says itself
sections          whether a section is cited for what another section says
strangers         values that no claim has: whether the source bears them out
derived           values that follow from what the source states
totals            totals that an answer works out
rules             a rule of the task, read with the source at hand
checks            the tests that rules can demand, each as a function of the text
proposals         which behaviour the code of an answer has
code              run a code block against the cases of a claim
report            what is said of a whole answer: `ClaimReport`
verifier          one report on the whole answer: `Verifier.verify(text) -> ClaimReport`
"""

from forge_arena.verify.report import INVENTED, ClaimReport, Finding, Unsupported
from forge_arena.verify.verifier import Verifier

__all__ = ["INVENTED", "ClaimReport", "Finding", "Unsupported", "Verifier"]
