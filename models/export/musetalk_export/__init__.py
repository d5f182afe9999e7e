"""Turns the official MuseTalk v1.5 checkpoints into a model bundle. See README.md beside this file."""
