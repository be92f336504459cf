"""The text language: tokens, source trees, sizes and declarations; the printer of the text."""
