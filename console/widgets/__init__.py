"""What stands on a screen: pure rows (`*_rows`) and the one widget that draws rows."""
