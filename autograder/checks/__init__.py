"""The grader side of hidden checks: fixtures, expectations, drawn inputs, mistakes, and the proof that they work."""
