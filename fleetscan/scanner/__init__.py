"""One scan from the listing to its files: the only room where the parts meet, and the one that waits."""
