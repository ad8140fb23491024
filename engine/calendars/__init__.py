"""When a market trades, and which bucket an instant belongs to."""
