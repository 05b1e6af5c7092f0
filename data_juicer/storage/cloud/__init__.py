"""Object stores: the requests that they answer, patience with them, and the contract of a store kept with those requests."""
