"""How fast, how large, and whether a kill loses anything: measured, beside floors of the same machine and run.

python -m bench         the measurements (`make bench`)
python -m bench.crash   the kill test (`make crash`)

database.py  a database of its own          system.py   the processes under load, and what they cost
http.py      a lean client                  load.py     clients at work, their times
floors.py    what cannot be undercut        results.py  table, JSON;  plots.py  SVG
part_*.py    one part each: small, medical, inbox, timers, footprint
"""
