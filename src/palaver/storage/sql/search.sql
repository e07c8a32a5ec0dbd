-- name: search_is_text
(m.ref IS NOT NULL OR c.ref & 4294967295 = 0 AND s.title_mark = c.seq)

-- name: search_sessions_with_trash
SELECT s.key FROM session s WHERE s.trashed_at IS NOT NULL
UNION SELECT m.ref >> 32 FROM message m WHERE m.trashed_at IS NOT NULL ORDER BY 1 LIMIT :limit
