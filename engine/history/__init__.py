"""History files of other programs: their formats, the zone of their times, what they prove."""
