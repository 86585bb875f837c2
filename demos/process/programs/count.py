# cargo run -p process -- python3 -u demos/process/programs/count.py
# Without -u, Python keeps what it prints until 8 KiB have come together, and the page waits.
# ANCHOR: all
import sys

for number, line in enumerate(sys.stdin, start=1):
    print(number, line.rstrip("\n"))
# ANCHOR_END: all
