"""The measures of graded verdicts: rows, metrics with their intervals, and the statistics below them."""
