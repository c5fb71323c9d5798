"""The outside world that a release changes, git remotes and package indexes, and its stand-ins."""
