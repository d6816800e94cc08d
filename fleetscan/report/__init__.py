"""For people: what a finished run says, and how to show text that strangers wrote.

Reads totals and rows as the contract has them; never talks to Azure and never changes a run.
"""
