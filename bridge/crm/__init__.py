"""Clients, cards, tickets and recordings: what Callbridge knows of people and their calls, over the store."""
