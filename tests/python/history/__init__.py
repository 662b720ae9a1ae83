"""Histories of concurrent runs, and whether they are those of a store in which things happen one after the other."""
