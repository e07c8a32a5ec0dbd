-- all: (system)

-- name: schema_lock
SELECT pg_advisory_xact_lock(8097862976886616832)

-- name: schema_create
CREATE SCHEMA IF NOT EXISTS palaver

-- name: ledger_exists
SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'palaver' AND c.relname = 'migration'

-- name: ledger_create
CREATE TABLE IF NOT EXISTS palaver.migration (
  number bigint PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL,
  applied_at bigint NOT NULL
)

-- name: ledger_rows
SELECT number, name, digest FROM palaver.migration ORDER BY number

-- name: ledger_add
INSERT INTO palaver.migration (number, name, digest, applied_at) VALUES (:number, :name, :digest, :now)

-- name: store_add
INSERT INTO store (one, id, created_at, epoch) VALUES (1, :id, :now, 0)
