"""What readers are answered, over HTTP."""
