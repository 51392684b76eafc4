"""
What the USDT-M perpetual futures endpoints take and answer.

A field is required where an answer without it would mean nothing, and optional wherever some real
answer leaves it out. The classes are slotted and mutable: frozen ones take a quarter longer to make
(``benchmarks/wire.py``), and an answer is the caller's own.
"""
