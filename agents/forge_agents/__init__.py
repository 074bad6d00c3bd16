"""Everything that talks to an arena from outside: client, remote environments, overseers, evaluation."""
