"""Training data for somebody who trains elsewhere: the request, its rows, their card, and the folder of all three."""
