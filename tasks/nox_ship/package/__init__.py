"""Making the files of a release, and proving that they are good."""
