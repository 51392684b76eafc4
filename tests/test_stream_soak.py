"""Facts about streams in a storm: what is read is complete, and nothing is left behind."""

from benchmarks.stream_soak import soak


async def test_all_fills_are_told_once_and_all_books_are_right_in_a_storm():
    """Connections break, fall silent and say what cannot be read, and requests fail."""
    result = await soak(seed=1, seconds=7.0, calm_every=3.0, accounts=2)
    assert result.wrongs == []
    assert result.counts["fills that were fetched"] > 0
    assert result.counts["books compared"] > 0
    assert result.counts["trades"] > 0
    assert result.left == (0, 0)
