"""What can go wrong, named after the boundary that the failure crossed. None of these errors is ever a score.

Every error that a user can mend is a `ForgeArenaError`, so that the command catches errors in one place. Any other
exception is a defect of ours. A name with a package is defined beside the code that raises the error.

* ForgeArenaError
  · BadArgument
  · CannotCorrupt
  · CurriculumError
  · FileError
  · InvalidVerdict
  · KeyFromAnotherSuite
  · ScenarioError
  x WorkerFailed
    · Unfit
"""


class ForgeArenaError(Exception):
    """The base of all errors that the arena raises on purpose."""


class BadArgument(ForgeArenaError, ValueError):
    """A caller gave a value that cannot be used; the message says what was given and what was wanted."""


class WorkerFailed(ForgeArenaError):
    """The Worker gave no usable answer: down, too slow, garbage, or never verified clean. `reason` is one clear line."""

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


class KeyFromAnotherSuite(ForgeArenaError, ValueError):
    """An episode key names a suite, version or split that this arena does not serve."""


class CurriculumError(ForgeArenaError, ValueError):
    """A curriculum does not fit the families that it is for; the message says which cell, and never echoes it."""


class InvalidVerdict(ForgeArenaError):
    """A completion holds no readable verdict. `reason` is one of a few fixed sentences and never echoes the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
