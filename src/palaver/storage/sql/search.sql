-- name: search_is_text
(m.ref IS NOT NULL OR c.ref & 4294967295 = 0 AND s.title_mark = c.seq)

-- name: search_sessions_with_trash
SELECT s.key FROM session s JOIN project p ON p.key = s.project_key WHERE s.trashed_at IS NOT NULL AND {visible}
UNION SELECT m.ref >> 32 FROM message m JOIN session s ON s.key = m.ref >> 32 JOIN project p ON p.key = s.project_key
WHERE m.trashed_at IS NOT NULL AND {visible} ORDER BY 1 LIMIT :limit
