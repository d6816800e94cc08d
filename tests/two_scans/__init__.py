"""Two scans of one fleet at once, in virtual time: neither may cost the other an assessment."""
