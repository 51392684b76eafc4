"""Time-weighted orders of USDT-M perpetual futures."""
