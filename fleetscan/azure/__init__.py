"""Azure over HTTP: the only room that knows aiohttp and azure-identity."""
