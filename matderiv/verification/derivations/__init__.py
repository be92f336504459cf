"""Derivations checked line by line: reading them, judging each line."""
