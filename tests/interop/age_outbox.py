"""Makes the shards of a state folder, whose worker has been stopped, believe that their events were published earlier.

usage: python age_outbox.py STATE_FOLDER DAYS
"""

import argparse
import pathlib
import sqlite3

DAY_MS = 86_400_000


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("state", type=pathlib.Path)
    arguments.add_argument("days", type=int)
    arguments = arguments.parse_args()
    for class_name in ("OrderShard", "LedgerShard"):
        for path in sorted(arguments.state.glob(f"v3/do/*-{class_name}/*.sqlite")):
            database = sqlite3.connect(path)
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "outbox_published" in tables:
                with database:
                    database.execute("UPDATE outbox_published SET at = at - ?", (arguments.days * DAY_MS,))
            database.close()


if __name__ == "__main__":
    main()
