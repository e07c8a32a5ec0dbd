-- What these write was looked at when it came.
-- all: (system)

-- All that appends leave behind, in one statement: changes, messages, and what moves on in their sessions. It holds the
-- writers' lock, and fails where somebody else has written since: by a number that is taken, or by another epoch.
-- Everything waits for `held`: whoever had rows before the lock could stand in the way of who has the lock.
-- name: write_appends
WITH held AS MATERIALIZED (
  SELECT pg_advisory_xact_lock(8097862976886616832), pg_notify('palaver', ''),
    1 / (SELECT CASE WHEN e.epoch = :epoch THEN 1 ELSE 0 END FROM store e)
), noted AS (
  INSERT INTO change (seq, kind, ref, detail)
  SELECT c.seq, c.kind, c.ref, c.detail::json FROM held, unnest(:change_seq, :change_kind, :change_ref, :change_detail) c (seq, kind, ref, detail)
), moved AS (
  UPDATE session s SET state = x.state, head = x.head, head_id = x.head_id, last_position = x.last_position,
    message_count = x.message_count, note_count = x.note_count, token_count = x.token_count, updated_at = x.updated_at,
    guard = x.guard
  FROM held, unnest(:session_state, :session_head, :session_head_id, :session_last_position, :session_message_count, :session_note_count,
    :session_token_count, :session_updated_at, :session_guard, :session_key) x (state, head, head_id, last_position, message_count, note_count, token_count, updated_at, guard, key)
  WHERE s.key = x.key
)
INSERT INTO message (ref, id, parent, mark, role, status, tokens, in_context, created_at, trashed_at, purged_at,
  digest, match_key, guard, model, provider, usage, error, metadata, origin_source, origin_id, body)
SELECT m.* FROM held, unnest(:message_ref, :message_id, :message_parent, :message_mark, :message_role, :message_status, :message_tokens,
  :message_in_context, :message_created_at, :message_trashed_at, :message_purged_at, :message_digest,
  :message_match_key, :message_guard, :message_model, :message_provider, :message_usage, :message_error,
  :message_metadata, :message_origin_source, :message_origin_id, :message_body) m

-- A commit that leaves no change: what others remember of the database may be wrong all the same.
-- name: count_epoch
UPDATE store SET epoch = epoch + 1
