"""Shards of resolves, as workers execute them: a module for each kind of operator."""
