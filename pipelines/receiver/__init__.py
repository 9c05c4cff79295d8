"""The receiver: OCPI as peers push it, kept in the same raw store as what is pulled.

* `application.py` is the HTTP face: routes, who calls, what is refused; `server.py` runs it;
* `pushes.py` decides what a push means for the object that it names; `authorizing.py` answers drivers' tokens,
  `token_list.py` gives them to who pages through them;
* `spool.py` makes a push durable before it is answered, many in one write; `publishing.py` turns closed segments of the
  spool into raw pages with a manifest; `waiting.py` does so for a receiver that is gone, and tells what still waits;
* `objects.py` is the index of what was pushed: derived, for GET, PATCH and for telling a repetition.
"""
