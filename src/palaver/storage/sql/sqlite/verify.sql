-- all: (system)
-- name: verify_pages
PRAGMA integrity_check(1000)

-- name: verify_references
PRAGMA foreign_key_check

-- name: verify_reindex
REINDEX
