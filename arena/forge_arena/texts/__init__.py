"""Read text without a scenario: sentences, whole words, values and their spellings, thoughts, and hidden characters."""
