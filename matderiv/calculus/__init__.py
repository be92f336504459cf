"""Derivatives: sweeps over the graph, structured variables, one derivative through all floors."""
