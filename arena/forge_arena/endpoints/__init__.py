"""Ask a model over an OpenAI-compatible endpoint: the requests, the bodies of answers, and what each error means."""
