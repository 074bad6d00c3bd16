"""Export training data for somebody who trains elsewhere: the request, its rows, their card, and their folder."""
