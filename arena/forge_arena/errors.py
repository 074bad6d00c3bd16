"""What can go wrong, named after the boundary that the failure crossed. None of these is ever a score."""


class ForgeArenaError(Exception):
    """The base of all errors that the arena raises on purpose."""


class WorkerFailed(ForgeArenaError):
    """The Worker gave no usable answer: down, too slow, garbage, or never verified clean. `reason` is one clear line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unfit(WorkerFailed):
    """The Worker answers, and nothing that it says makes the episode of this key: another try would end the same way."""


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
