-- name: search_has_tool
typeof(m.body) = 'blob' AND instr(m.body, CAST('"type":"tool_' AS BLOB))

-- What a search may show: rows `s`, `p` and, unless it is a title, `m`.
-- name: search_fits
{visible}
AND m.purged_at IS NULL
AND CASE :state
  WHEN 'any' THEN 1
  WHEN 'trash' THEN s.state = 3 OR m.trashed_at IS NOT NULL
  WHEN 'archived' THEN s.state = 2 AND m.trashed_at IS NULL
  WHEN 'open' THEN s.state < 2 AND m.trashed_at IS NULL
  ELSE s.state < 3 AND m.trashed_at IS NULL
END
AND (:projects IS NULL OR p.key IN (SELECT value FROM json_each(:projects)))
AND (:roles IS NULL OR m.role IN (SELECT value FROM json_each(:roles)))
AND (:model IS NULL OR coalesce(m.model, s.model) = :model)
AND (:model_part IS NULL OR instr(lower(coalesce(m.model, s.model)), :model_part))
AND (:provider IS NULL OR coalesce(m.provider, s.provider) = :provider)
AND (:pinned IS NULL OR s.pinned = :pinned)
AND (:before IS NULL OR coalesce(m.created_at, s.created_at) < :before)
AND (:after IS NULL OR coalesce(m.created_at, s.created_at) > :after)
AND (:tags IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(:tags) w
  WHERE NOT EXISTS (SELECT 1 FROM json_each(s.tags) t WHERE t.value = w.value COLLATE NOCASE)))
AND (:has_tool IS NULL OR {search_has_tool})
AND (:has_file IS NULL OR EXISTS (SELECT 1 FROM message_file f WHERE f.ref = m.ref))

-- The index names a change; the change names a message, or a session for its title.
-- name: search_joins
LEFT JOIN message m ON m.ref = c.ref AND m.mark = c.seq
CROSS JOIN session s ON s.key = c.ref >> 32
CROSS JOIN project p ON p.key = s.project_key

-- Newest first, from the index.
-- name: search_index
SELECT c.seq, c.ref, coalesce(m.created_at, s.created_at),
  relevance(text_index, :shape, coalesce(octet_length(m.body), 0))
FROM text_index
CROSS JOIN change c ON c.seq = text_index.rowid
{search_joins}
WHERE text_index MATCH :match AND text_index.rowid BETWEEN :low AND :high
  AND (:sessions IS NULL OR c.ref >> 32 IN (SELECT value FROM json_each(:sessions)))
  AND {search_is_text} AND {search_fits}
ORDER BY text_index.rowid DESC

-- Newest first, as stored. A text of plain ASCII without `:needle` cannot match and is passed over early.
-- name: search_changes
SELECT c.seq, c.ref, coalesce(m.created_at, s.created_at), coalesce(octet_length(m.body), 0),
  m.body, CASE WHEN m.ref IS NULL THEN s.title END
FROM change c
{search_joins}
WHERE c.seq BETWEEN :low AND :high
  AND (:needle IS NULL OR m.ref IS NULL OR instr(lower(m.body), :needle) OR typeof(m.body) = 'blob'
    OR length(m.body) <> octet_length(m.body))
  AND (:sessions IS NULL OR c.ref >> 32 IN (SELECT value FROM json_each(:sessions)))
  AND {search_is_text} AND {search_fits}
ORDER BY c.seq DESC

-- All of some sessions, as stored, in no order: to sort them here would hold all their texts at once.
-- name: search_sessions
SELECT m.mark, m.ref, m.created_at, octet_length(m.body), m.body, NULL
FROM json_each(:sessions) k
CROSS JOIN session s ON s.key = k.value
CROSS JOIN project p ON p.key = s.project_key
CROSS JOIN message m ON m.ref BETWEEN s.key << 32 AND s.key << 32 | 4294967295
WHERE m.mark BETWEEN max(:low, 1) AND :high AND {search_fits}
UNION ALL
SELECT s.title_mark, s.key << 32, s.created_at, 0, NULL, s.title
FROM json_each(:sessions) k
CROSS JOIN session s ON s.key = k.value
CROSS JOIN project p ON p.key = s.project_key
LEFT JOIN message m ON m.ref = 0
WHERE s.title_mark BETWEEN max(:low, 1) AND :high AND {search_fits}

-- What is shown of hits. A reference without a position is that of a title.
-- name: search_hits
SELECT k.value, s.id, p.id, s.title, m.id, m.role, coalesce(m.created_at, s.created_at), m.body
FROM json_each(:refs) k
LEFT JOIN message m ON m.ref = k.value
CROSS JOIN session s ON s.key = k.value >> 32
CROSS JOIN project p ON p.key = s.project_key
WHERE {visible}
ORDER BY k.key

-- name: search_scope_size
SELECT coalesce(sum(s.last_position), 0), count(*) FROM session s JOIN project p ON p.key = s.project_key
WHERE s.key IN (SELECT value FROM json_each(:sessions)) AND {visible}

-- name: search_sessions_of_projects
SELECT s.key FROM json_each(:projects) k
CROSS JOIN project p ON p.key = k.value AND {visible}
CROSS JOIN session s ON s.project_key = p.key ORDER BY s.key LIMIT :limit

-- name: search_sessions_with_tag
SELECT DISTINCT t.session_key FROM project p CROSS JOIN session_tag t ON t.project_key = p.key
WHERE t.tag = :tag COLLATE NOCASE AND {visible} ORDER BY 1 LIMIT :limit

-- name: search_sessions_archived
SELECT s.key FROM project p CROSS JOIN session s ON s.project_key = p.key AND s.state = 2
WHERE {visible} ORDER BY s.key LIMIT :limit

-- name: search_session_ids
SELECT s.key FROM session s JOIN project p ON p.key = s.project_key
WHERE (s.id BETWEEN :low AND :high OR lower(substr(hex(s.id), -:digits)) = :ending) AND {visible} ORDER BY s.key

-- name: search_project_ids
SELECT p.key FROM project p
WHERE (p.id BETWEEN :low AND :high OR lower(substr(hex(p.id), -:digits)) = :ending) AND {visible} ORDER BY p.key

-- name: search_project_names
SELECT p.key FROM project p WHERE p.name = :name COLLATE NOCASE AND {visible} ORDER BY p.key
