"""ForgeArena: an environment in which AI overseers learn to tell whether another model's work was tampered with."""

__version__ = "0.1.0"
