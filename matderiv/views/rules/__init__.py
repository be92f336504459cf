"""The rules that steps name: statement, proof, example, source."""
