"""The `forge-arena` command: the only place that may use arena, server and agents together."""
