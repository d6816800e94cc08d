"""Who is in the fleet: listings as pure generators of requests, and files as they are."""
