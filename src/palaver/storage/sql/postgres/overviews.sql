-- name: list_message_places
SELECT m.id, m.parent FROM json_array_elements_text(:ids) k JOIN message m ON m.id = decode(k.value, 'hex')
WHERE m.ref >> 32 = :session AND m.trashed_at IS NULL AND m.purged_at IS NULL ORDER BY m.ref

-- name: list_siblings_between
WITH forked (parent) AS (
  SELECT DISTINCT m.parent FROM message m
  WHERE m.ref >> 32 = :session AND m.parent BETWEEN :low AND :high AND m.parent <> (m.ref & 4294967295) - 1
), child (parent, ref, id) AS (
  SELECT f.parent, m.ref, m.id FROM forked f JOIN message m
    ON m.ref >> 32 = :session AND m.parent = f.parent AND m.parent <> (m.ref & 4294967295) - 1
    WHERE m.trashed_at IS NULL AND m.purged_at IS NULL
  UNION ALL
  SELECT f.parent, m.ref, m.id FROM forked f JOIN message m ON m.ref = (:session << 32 | f.parent) + 1
    AND m.parent = f.parent WHERE m.trashed_at IS NULL AND m.purged_at IS NULL
)
SELECT parent, id FROM child ORDER BY parent, ref

-- name: list_heads
SELECT s.id, coalesce(m.trashed_at, m.purged_at) IS NULL,
  CASE WHEN starts_with(m.body, E'\x10j') THEN m.body ELSE left(m.body, CAST(:most AS int)) END
FROM json_array_elements_text(:ids) k
JOIN session s ON s.id = decode(k.value, 'hex') JOIN project p ON p.key = s.project_key
JOIN message m ON m.ref = (s.key << 32 | s.head)
WHERE {visible} ORDER BY s.id

-- What marks a body as JSON does not count.
-- name: list_largest_sessions
SELECT s.id, p.id, s.title, s.message_count,
  coalesce(sum(octet_length(m.body) - CASE WHEN starts_with(m.body, E'\x10j') THEN 2 ELSE 0 END), 0) AS size
FROM session s JOIN project p ON p.key = s.project_key
LEFT JOIN message m ON m.ref BETWEEN (s.key << 32) AND (s.key << 32 | 4294967295)
WHERE {visible}
GROUP BY s.key, p.key ORDER BY size DESC, s.id LIMIT :limit

-- name: list_stored_ids (everybody)
SELECT m.id FROM json_array_elements_text(:ids) k JOIN message m ON m.id = decode(k.value, 'hex') ORDER BY m.id
