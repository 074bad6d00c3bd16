"""The HTTP server over the arena, and its durable store."""
