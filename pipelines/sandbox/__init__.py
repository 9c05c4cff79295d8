"""A roaming network to run against: a seeded world, OCPI servers over it, planted faults and their truth."""
