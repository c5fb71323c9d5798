"""The release pipeline: from a commit to a version that everyone can install."""
