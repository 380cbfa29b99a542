"""From an assignment to what students get: stubs by nbgrader, and nothing that gives an answer away."""
