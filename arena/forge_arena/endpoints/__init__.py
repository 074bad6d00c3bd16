"""Ask a model over an OpenAI-compatible endpoint: the requests, the bodies of the answers, and what each error means."""
