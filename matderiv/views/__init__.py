"""Derivations as documents: one derivative, told in three ways."""
