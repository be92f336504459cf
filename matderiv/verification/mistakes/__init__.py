"""What is wrong with an answer: the search for its cause."""
