"""
One quota for a whole fleet: a governor that processes share through Redis.

Needs redis-py: ``pip install "bingx-async[redis]"``.
"""

from bingx_async.shared.governor import SharedGovernor

__all__ = ["SharedGovernor"]
