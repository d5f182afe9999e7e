"""Graphs without weights, and how their weights are made: what models/musetalk-v1.5 holds."""
