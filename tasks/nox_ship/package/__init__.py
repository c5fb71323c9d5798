"""Building the files of a release, and checking that they are good."""
