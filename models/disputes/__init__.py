"""The life cycle of a dispute: which event may follow which state."""
