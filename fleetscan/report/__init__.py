"""For people: the summary of a finished run, a plan in words, and foreign text made safe to show.

Reads totals and rows as the contract defines them; never talks to Azure and never changes a run.
"""
