"""Cases: lists, the file, the timeline, and what may be done to a whole case."""
