"""Setting a project up: what it is, what it lacks, and what is wrong with it."""
