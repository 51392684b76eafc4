"""Balances and fund flows of USDT-M perpetual futures."""
