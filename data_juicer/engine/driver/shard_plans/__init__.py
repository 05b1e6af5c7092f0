"""The steps of resolves in shards: a module for each kind of operator."""
