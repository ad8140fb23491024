"""The screens, one file each; they compose rows and turn keys into moves and questions."""
