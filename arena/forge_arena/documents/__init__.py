"""Documents of one's own: read them from files, let an author propose tasks, keep what the text bears out, play them."""
