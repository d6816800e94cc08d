"""Proxies and private certificates: real ones, on loopback."""
