"""What a boot took, written down, drawn, compared and played again."""
