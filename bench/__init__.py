"""How fast and how large: measured, beside floors of the same machine and run (`make bench`).

database.py  a database of its own          system.py   the processes under load, and what they cost
http.py      a lean client                  load.py     clients at work, their times
floors.py    what cannot be undercut        rounds.py   load in rounds, ratios within each
results.py   table, JSON                    plots.py    SVG;  readme.py  what the README quotes
copies.py    many cases by COPY             part_*.py   one part each: small, medical, inbox, timers, footprint
"""
