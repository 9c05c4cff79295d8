"""Quotes: what a session would cost before it starts, for every connector and plan, with all components."""

from pipelines.lib.quotes.catalogue import Catalogue, price_catalogue
from pipelines.lib.quotes.profiles import DEFAULT_SESSIONS, Profile, Start, read_profile, read_start

__all__ = ["DEFAULT_SESSIONS", "Catalogue", "Profile", "Start", "price_catalogue", "read_profile", "read_start"]
