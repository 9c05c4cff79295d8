"""Intake: pages from the peers, the eMSP's own books, and the typed tables made of them."""
