"""Is the system alive?"""
