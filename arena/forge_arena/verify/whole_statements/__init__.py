"""Find in prose a claim whose right form is a whole statement: "A member may bring one guest."

Such a claim has no value that could be compared. What decides is whether a text says what the statement says, or what
the statement with its sense turned says ("A member may not bring one guest").

profiles        which claims are whole statements, and what is looked for of each
words           the words of a statement: which tell something, how much, and whether a text has them
duty            what a clause does: allow, demand, ban, exempt, assert or deny
order           what comes first
bound           how far it reaches
party           who acts, gives, owns or comes before "than"
holder          whether it is said of somebody else, or left to choice
plain           a sentence as it is said more plainly
addressed       whom the text calls "you", and how a statement about that person is said to the person
same_case       whether a text speaks of the case of the statement at all
stretches       the parts of a text that are read together
close_reading   does a sentence state or contradict the statement? `WholeStatements.read`
paraphrases     does a text state freely what no sentence states? `Paraphrases.find`

Both readings ask `duty`, `order`, `bound` and `party`: these are the senses in which a statement can be turned. Where
the close reading is in doubt, the free reading may still find the statement. It never finds a contradiction.
"""

from forge_arena.verify.whole_statements.close_reading import WholeStatements
from forge_arena.verify.whole_statements.paraphrases import Paraphrases
from forge_arena.verify.whole_statements.profiles import Agreement, Profile, Reading, is_whole_statement, profile_of

__all__ = ["Agreement", "Paraphrases", "Profile", "Reading", "WholeStatements", "is_whole_statement", "profile_of"]
