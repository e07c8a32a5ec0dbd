-- name: last_change (everybody)
SELECT coalesce(max(seq), 0) FROM change

-- The transaction looks at :ref by itself.
-- name: insert_change
INSERT INTO change (seq, kind, ref, detail) VALUES (:seq, :kind, :ref, :detail)

-- Of what was purged its detail says who is told; that such a name stands in it the database sees, the rest the verb.
-- name: list_changes
SELECT c.seq, c.kind, c.detail, m.id, s.id, p.id FROM change c
LEFT JOIN message m ON m.ref = c.ref AND c.ref & 4294967295 > 0 AND c.ref > 0
LEFT JOIN session s ON s.key = c.ref >> 32 AND c.ref > 0
LEFT JOIN project p ON p.key = CASE WHEN c.ref > 0 THEN s.project_key ELSE -c.ref END
WHERE c.seq > :after AND ((c.detail IS NOT NULL AND {told}) OR (p.key IS NOT NULL AND {visible}))
ORDER BY c.seq LIMIT :limit

-- name: count_stats
SELECT (SELECT count(*) FROM project p WHERE {visible} AND p.trashed_at IS NULL),
  count(*) FILTER (WHERE s.state < 3), coalesce(sum(s.message_count) FILTER (WHERE s.state < 3), 0),
  coalesce(sum(s.token_count) FILTER (WHERE s.state < 3), 0), count(*) FILTER (WHERE s.state = 3)
FROM session s JOIN project p ON p.key = s.project_key WHERE {visible}

-- name: count_trashed_messages
SELECT count(*) FROM message m JOIN session s ON s.key = m.ref >> 32 JOIN project p ON p.key = s.project_key
WHERE m.trashed_at IS NOT NULL AND m.purged_at IS NULL AND {visible}

-- name: count_files
SELECT count(*), coalesce(sum(f.size), 0) FROM file f WHERE :actor = 'system'
  OR EXISTS (SELECT 1 FROM file_holder h WHERE h.file_key = f.key AND h.actor = :actor)
  OR EXISTS (SELECT 1 FROM message_file x JOIN session s ON s.key = x.ref >> 32
    JOIN project p ON p.key = s.project_key WHERE x.file_key = f.key AND {visible})
