"""What each gate needs and runs in a given project, as data."""
