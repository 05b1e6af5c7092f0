"""Commands about whole jobs: which there are, how they are, and how they go on or go."""
