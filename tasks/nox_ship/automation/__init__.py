"""What a project runs, and installs for it, in its own automation: workflows, tox, pre-commit, make and the like."""
