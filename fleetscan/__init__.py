"""fleetscan assesses missing patches on every virtual machine of an Azure fleet."""

__version__ = "0.1.0"
