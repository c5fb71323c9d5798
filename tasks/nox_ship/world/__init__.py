"""What a release changes outside the checkout: git remotes and package indexes, and their stand-ins."""
