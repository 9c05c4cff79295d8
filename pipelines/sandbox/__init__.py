"""A roaming network to run against: a seeded world, OCPI servers over it, planted faults and their truth.

The world is built in the order of these modules: `places` and `prices` (who charges what, where), `people` (who
drives), `arrivals` and `sessions` (what really happened), `billing` (what the CPOs say about it), `faults` (where they
say it wrong), `truth` (what is right). `wire` writes it as OCPI 2.2.1, `server` serves it, `files` writes it to disk.
Everything is a pure function of seed, number of sessions and month. Money in the truth is plain scalar arithmetic over
what happened; neither the product's kernel nor its billing is imported here.
"""
