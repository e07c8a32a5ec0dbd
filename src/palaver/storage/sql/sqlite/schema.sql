-- all: (system)
-- name: ledger_exists
SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migration';

-- name: ledger_create
CREATE TABLE IF NOT EXISTS migration (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT;

-- name: ledger_rows
SELECT number, name, digest FROM migration ORDER BY number;

-- name: ledger_add
INSERT INTO migration (number, name, digest, applied_at) VALUES (:number, :name, :digest, :now);

-- name: store_add
INSERT INTO store (one, id, created_at, indexed_through, index_version) VALUES (1, :id, :now, 0, 1);

-- name: begin_deferred
BEGIN;

-- name: begin_immediate
BEGIN IMMEDIATE;

-- name: begin_exclusive
BEGIN EXCLUSIVE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: copy_into
VACUUM INTO :target;
