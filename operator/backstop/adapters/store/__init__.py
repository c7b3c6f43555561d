"""The checkpoint of the ledger, one SQLite file per replica. The only place that knows sqlite3."""
