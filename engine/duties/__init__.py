"""What goes on beside the processes for as long as the engine lives."""
