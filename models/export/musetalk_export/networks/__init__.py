"""The networks of the reference, with all pre- and post-processing inside."""
