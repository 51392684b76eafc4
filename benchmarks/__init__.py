"""
Questions about the package, one a file, each answered by one command.

.. code-block:: console

    $ uv run python -m benchmarks.strictness
"""
