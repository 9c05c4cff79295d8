"""The wire shapes of OCPI 2.1.1, 2.2.1 and 2.3.0, and the one canonical shape that everything else works on."""
