-- name: message_columns
m.ref, m.id, m.parent, m.mark, m.role, m.status, m.tokens, m.in_context, m.created_at, m.trashed_at, m.purged_at,
m.digest, m.match_key, m.guard, m.model, m.provider, m.usage, m.error, m.metadata, m.origin_source, m.origin_id, m.body

-- name: insert_message
INSERT INTO message (ref, id, parent, mark, role, status, tokens, in_context, created_at, trashed_at, purged_at, digest,
  match_key, guard, model, provider, usage, error, metadata, origin_source, origin_id, body)
VALUES (:ref, :id, :parent, :mark, :role, :status, :tokens, :in_context, :created_at, :trashed_at, :purged_at, :digest,
  :match_key, :guard, :model, :provider, :usage, :error, :metadata, :origin_source, :origin_id, :body)
ON CONFLICT DO NOTHING

-- name: find_message
SELECT {message_columns}, s.id FROM message m
JOIN session s ON s.key = m.ref >> 32 JOIN project p ON p.key = s.project_key
WHERE m.id = :id AND {visible}

-- name: find_message_in
SELECT {message_columns} FROM message m WHERE m.id = :id AND m.ref >> 32 = :session

-- Ids are unique in the whole database, whoever sees what they are of.
-- name: message_exists (everybody)
SELECT 1 FROM message m WHERE m.id = :id

-- name: find_message_at
SELECT {message_columns} FROM message m WHERE m.ref = :ref

-- name: find_message_by_origin
SELECT {message_columns} FROM message m
WHERE m.ref >> 32 = :session AND m.origin_source = :source AND m.origin_id = :origin

-- name: find_message_id
SELECT m.id FROM message m WHERE m.ref = :ref

-- name: find_jump
SELECT max(m.ref) FROM message m INDEXED BY message_jump
WHERE m.ref BETWEEN :low AND :high AND m.parent <> (m.ref & 4294967295) - 1

-- Each range ends where the one before it has its parent. Parents that do not lie before are damage and end it.
-- name: list_ranges
WITH RECURSIVE shown (low, high) AS (
  SELECT (SELECT max(m.ref) FROM message m INDEXED BY message_jump
    WHERE m.ref BETWEEN :low AND :high AND m.parent <> (m.ref & 4294967295) - 1), :high
  UNION ALL
  SELECT (SELECT max(m.ref) FROM message m INDEXED BY message_jump
    WHERE m.ref BETWEEN :low AND :low - 1 + p.parent AND m.parent <> (m.ref & 4294967295) - 1), :low - 1 + p.parent
  FROM shown JOIN message p ON p.ref = shown.low WHERE p.parent > 0 AND p.parent < (p.ref & 4294967295)
)
SELECT coalesce(shown.low, :low), shown.high FROM shown

-- name: list_range_forward
SELECT {message_columns} FROM message m
WHERE m.ref BETWEEN :low AND :high AND m.trashed_at IS NULL AND m.purged_at IS NULL
ORDER BY m.ref LIMIT :limit

-- name: list_range_backward
SELECT {message_columns} FROM message m
WHERE m.ref BETWEEN :low AND :high AND m.trashed_at IS NULL AND m.purged_at IS NULL
ORDER BY m.ref DESC LIMIT :limit

-- name: list_all_forward
SELECT {message_columns} FROM message m WHERE m.ref BETWEEN :low AND :high ORDER BY m.ref LIMIT :limit

-- name: sum_tokens
SELECT coalesce(sum(m.tokens), 0) FROM message m
WHERE m.ref BETWEEN :low AND :high AND m.trashed_at IS NULL AND m.purged_at IS NULL

-- name: list_children
SELECT {message_columns} FROM message m WHERE m.ref = (:session << 32 | :parent) + 1 AND m.parent = :parent
UNION ALL
SELECT {message_columns} FROM message m INDEXED BY message_fork
WHERE m.ref >> 32 = :session AND m.parent = :parent AND m.parent <> (m.ref & 4294967295) - 1
ORDER BY 1

-- name: set_message_flags
UPDATE message SET in_context = :in_context, trashed_at = :trashed_at, purged_at = :purged_at, guard = :guard
WHERE ref = :ref

-- name: empty_message (owner)
UPDATE message SET purged_at = :purged_at, guard = :guard, tokens = 0, body = NULL, model = NULL, provider = NULL,
  usage = NULL, error = NULL, metadata = NULL, origin_source = NULL, origin_id = NULL
WHERE ref = :ref

-- name: finish_message
UPDATE message SET mark = :mark, status = :status, tokens = :tokens, digest = :digest, match_key = :match_key,
  usage = :usage, error = :error, metadata = :metadata, body = :body
WHERE ref = :ref

-- name: delete_session_messages
DELETE FROM message WHERE ref BETWEEN :low AND :high

-- name: list_old_trashed_messages
SELECT m.id FROM message m JOIN session s ON s.key = m.ref >> 32 JOIN project p ON p.key = s.project_key
WHERE {owned} AND m.trashed_at IS NOT NULL AND m.trashed_at <= :before AND m.purged_at IS NULL ORDER BY m.ref

-- name: list_message_files (system)
SELECT f.digest FROM message_file x JOIN file f ON f.key = x.file_key WHERE x.ref = :ref ORDER BY f.key

-- From a message down to the newest child each time. A fork is newer than the child that stands right behind its parent.
-- name: find_newest_below
WITH RECURSIVE below (position) AS (
  SELECT CAST(:position AS bigint)
  UNION ALL
  SELECT coalesce(
    (SELECT max(m.ref & 4294967295) FROM message m
      WHERE m.ref >> 32 = :session AND m.parent = b.position AND m.parent <> (m.ref & 4294967295) - 1),
    (SELECT m.ref & 4294967295 FROM message m WHERE m.ref = (:session << 32 | b.position) + 1 AND m.parent = b.position))
  FROM below b WHERE b.position IS NOT NULL
)
SELECT max(position) FROM below

-- name: count_messages (system)
SELECT count(*) FROM message m

-- The newest question or result with this history before it, where the actor may go on. By the index `message_match`.
-- name: find_match
SELECT m.ref, m.id, s.id FROM message m JOIN session s ON s.key = m.ref >> 32 JOIN project p ON p.key = s.project_key
WHERE m.match_key = :match_key AND m.role IN (1, 3) AND m.trashed_at IS NULL AND m.purged_at IS NULL AND s.state < 3
  AND {editable}
ORDER BY m.ref DESC LIMIT 1

-- name: find_match_in
SELECT m.ref, m.id, s.id FROM message m JOIN session s ON s.key = m.ref >> 32 JOIN project p ON p.key = s.project_key
WHERE m.match_key = :match_key AND m.role IN (1, 3) AND m.trashed_at IS NULL AND m.purged_at IS NULL AND s.state < 3
  AND s.key = :session AND {editable}
ORDER BY m.ref DESC LIMIT 1
