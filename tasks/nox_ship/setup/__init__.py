"""Setting up a project: what it is, what it lacks, and what is wrong with it."""
