"""From a submission to a result: one, a class, or loose files."""
