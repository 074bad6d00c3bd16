"""What can go wrong, named after the boundary that the failure crossed. None of these errors is ever a score.

Every error that a user can mend is a `ForgeArenaError`, so that the command catches errors in one place. Any other
exception is a defect of ours. An error with a package in brackets stands beside the code that raises it:

* ForgeArenaError
  * ArchiveError (forge_server)
  * ArenaError (forge_agents)
    * ArenaGarbled (forge_agents)
    * ArenaRefused (forge_agents)
    * ArenaUnreachable (forge_agents)
    * BadSelection (forge_agents)
    * NothingMade (forge_agents)
  * BadAddition (forge_arena)
  * BadArenaURL (forge_agents)
  * BadArgument
  * BadProfile (forge_arena)
  * BankBusy (forge_arena)
  * BankDamaged (forge_arena)
  * CannotCorrupt
  * CheckpointFailed (forge_agents)
  * CurriculumError
  * DatasetError (forge_agents)
  * EndpointFailed (forge_arena)
    * PromptTooLong (forge_arena)
    * PromptWithheld (forge_arena)
  * ExportError (forge_agents)
  * FileError
    * ToolProfileError (forge_arena)
    * Unreadable (forge_arena)
  * FillingFailed (forge_arena)
  * FolderInUse (forge_arena)
  * InvalidVerdict
  * ModelError (forge_agents)
  * NoSuchOverseer (forge_agents)
  * NotRepeatable (forge_agents)
  * NothingInCommon (forge_arena)
  * OverseerFailed (forge_agents)
  * PresetError (forge_agents)
  * RecordsError (forge_agents)
  * ResultError (forge_agents)
  * ScenarioError
  * SettingsError (forge_server)
  * ToolFailed (forge_arena)
  * TrainingStopped (forge_agents)
  * Unfinished (forge_agents)
  * UnknownKey
  * WorkerFailed
    * AuthorFailed (forge_arena)
    * BadAnswer (forge_arena)
    * ReaderFailed (forge_arena)
    * Unfit
  * WrongReview (forge_agents)
"""


class ForgeArenaError(Exception):
    """The base of all errors that the arena raises on purpose."""


class BadArgument(ForgeArenaError, ValueError):
    """A caller gave a value that cannot be used; the message says what was given and what was wanted."""


class WorkerFailed(ForgeArenaError):
    """The Worker gave no usable answer: down, too slow, garbage, or never right. `reason` is one clear line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unfit(WorkerFailed):
    """The Worker answers, but none of its answers can make the episode of this key. Retrying will not help."""


class FileError(ForgeArenaError, ValueError):
    """A file does not hold what it should; the message says file, line, what is wrong and what was wanted."""


class ScenarioError(ForgeArenaError, ValueError):
    """A scenario or family file is not usable; the message says file, line, what was given and what was wanted."""


class CannotCorrupt(ForgeArenaError):
    """This answer offers no place for the corruption that was asked for."""


class UnknownKey(ForgeArenaError, ValueError):
    """An episode key names a suite, version or split that this arena does not serve."""


class CurriculumError(ForgeArenaError, ValueError):
    """A curriculum does not fit the families that it is for; the message says which cell, and never echoes it."""


class InvalidVerdict(ForgeArenaError):
    """A completion holds no readable verdict. `reason` is one of a few fixed sentences and never echoes the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
