"""Is a hand derivation right, and where does it break?"""
