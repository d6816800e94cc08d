"""A run as one page of HTML that needs nothing else: what a browser shows, searches, sorts and prints."""
