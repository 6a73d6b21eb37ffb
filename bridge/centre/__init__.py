"""The pure centre: it decides. Standard library only; no await, clock, random, logging or I/O."""
