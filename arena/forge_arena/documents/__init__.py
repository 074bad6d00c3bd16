"""Documents of one's own: read files, let an author propose tasks, keep what the text bears out, play the tasks."""
