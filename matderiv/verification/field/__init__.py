"""Expressions over a finite field, with exact derivatives: the identity test."""
