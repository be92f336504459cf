"""The page: a local server that answers what is typed into a browser."""
