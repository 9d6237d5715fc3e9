"""Recovery through any operator: the splitting loop, the choice of settings, and the call of users."""
