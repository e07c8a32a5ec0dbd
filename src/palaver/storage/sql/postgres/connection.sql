-- all: (system)

-- Of every connection. A commit that was confirmed has reached the disk, whatever the server's default.
-- name: settle
SET search_path TO palaver, pg_catalog; SET statement_timeout TO '120s'; SET lock_timeout TO '10s';
SET idle_in_transaction_session_timeout TO '60s'; SET client_min_messages TO warning;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'

-- name: server
SELECT current_setting('server_encoding'), current_setting('fsync'), pg_is_in_recovery()

-- name: begin_read
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY

-- name: begin (everybody)
BEGIN

-- name: commit (everybody)
COMMIT

-- name: rollback (everybody)
ROLLBACK

-- name: savepoint (everybody)
SAVEPOINT verb

-- name: savepoint_undo (everybody)
ROLLBACK TO SAVEPOINT verb

-- name: savepoint_release (everybody)
RELEASE SAVEPOINT verb

-- name: listen
LISTEN palaver

-- The one who writes: everybody takes this lock at the beginning of a transaction that writes.
-- name: write_lock
SELECT pg_advisory_xact_lock(8097862976886616832)

-- name: begin_write
BEGIN; {write_lock};
SELECT coalesce(max(c.seq), 0), (SELECT epoch FROM store), pg_current_xact_id()::text, pg_postmaster_start_time()::text
FROM change c

-- name: transaction_status
SELECT pg_xact_status(:transaction), pg_postmaster_start_time()::text

-- name: upkeep_settle
SET statement_timeout TO 0

-- name: vacuum
VACUUM (INDEX_CLEANUP ON) message, session, session_detail, session_tag, project, checkpoint, snapshot, draft, draft_chunk,
  turn_event, file, file_chunk, text_index, word

-- name: analyze
ANALYZE message, session, session_tag, project, change, text_index, word
