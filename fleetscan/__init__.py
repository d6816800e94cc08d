"""fleetscan assesses missing patches on every virtual machine of an Azure fleet."""

from fleetscan.version import __version__ as __version__
