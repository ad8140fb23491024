"""What an operator can make the engine do, and from which seat."""
