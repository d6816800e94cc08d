"""How long a scan will take: the same listing and the same scheduler, played in virtual time."""
