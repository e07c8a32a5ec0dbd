-- What lists need of many at once. :ids is a JSON array of ids in hex.

-- name: list_message_places
SELECT m.id, m.parent FROM json_each(:ids) k CROSS JOIN message m ON m.id = unhex(k.value)
WHERE m.ref >> 32 = :session AND m.trashed_at IS NULL AND m.purged_at IS NULL ORDER BY m.ref

-- Children of the messages between :low and :high that have more than one, by position. A first child mostly stands
-- right behind its parent; all others are forks.
-- name: list_siblings_between
WITH forked (parent) AS (
  SELECT DISTINCT m.parent FROM message m INDEXED BY message_fork
  WHERE m.ref >> 32 = :session AND m.parent BETWEEN :low AND :high AND m.parent <> (m.ref & 4294967295) - 1
), child (parent, ref, id) AS (
  SELECT f.parent, m.ref, m.id FROM forked f CROSS JOIN message m INDEXED BY message_fork
    ON m.ref >> 32 = :session AND m.parent = f.parent AND m.parent <> (m.ref & 4294967295) - 1
    WHERE m.trashed_at IS NULL AND m.purged_at IS NULL
  UNION ALL
  SELECT f.parent, m.ref, m.id FROM forked f CROSS JOIN message m ON m.ref = (:session << 32 | f.parent) + 1
    AND m.parent = f.parent WHERE m.trashed_at IS NULL AND m.purged_at IS NULL
)
SELECT parent, id FROM child ORDER BY parent, ref

-- The last message of each, of a plain text as much as is read of it.
-- name: list_heads
SELECT s.id, coalesce(m.trashed_at, m.purged_at) IS NULL,
  CASE typeof(m.body) WHEN 'text' THEN substr(m.body, 1, :most) ELSE m.body END
FROM json_each(:ids) k
CROSS JOIN session s ON s.id = unhex(k.value) JOIN project p ON p.key = s.project_key
JOIN message m ON m.ref = (s.key << 32 | s.head)
WHERE {visible} ORDER BY s.id

-- name: list_largest_sessions
SELECT s.id, p.id, s.title, s.message_count, coalesce(sum(length(CAST(m.body AS BLOB))), 0) AS size
FROM session s JOIN project p ON p.key = s.project_key
LEFT JOIN message m ON m.ref BETWEEN (s.key << 32) AND (s.key << 32 | 4294967295)
WHERE {visible}
GROUP BY s.key ORDER BY size DESC, s.id LIMIT :limit

-- name: list_stored_ids (everybody)
SELECT m.id FROM json_each(:ids) k CROSS JOIN message m ON m.id = unhex(k.value) ORDER BY m.id
