"""Reference data in two times: what was valid when, and what we knew when; and what is odd about it."""
