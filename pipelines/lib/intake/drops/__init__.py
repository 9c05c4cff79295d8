"""The drop folder: `<home>/drop/<connection>/<module>/`, and `<home>/drop/master/`, looked through by every pull.

The pull does it, and not a sensor: so the command line needs no daemon, and dropped records are worked through in the
run that took them.

* `folder.py` takes what lies there, one file after the other, and keeps what became of each (`report.py`);
* `master.py` takes books of our own;
* `put_aside.py` moves a file that is dealt with to `done/` or `rejected/`, beside its report, through no link;
* `stray_folders.py` names folders that nobody looks into.
"""
