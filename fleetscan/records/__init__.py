"""What came of a scan: one record a machine, the totals, their schema and the directory they live in.

Knows the outward contract word by word; never talks to Azure and never decides how a machine ended.
"""
