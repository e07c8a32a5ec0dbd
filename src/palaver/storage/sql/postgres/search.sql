-- Text of U+0010 and j begins what is JSON.
-- name: search_has_tool
left(m.body, 2) = chr(16) || 'j' AND strpos(m.body, '"type":"tool_') > 0

-- What a search may show: rows `s`, `p` and, unless it is a title, `m`.
-- name: search_fits
{visible}
AND m.purged_at IS NULL
AND CASE :state
  WHEN 'any' THEN true
  WHEN 'trash' THEN s.state = 3 OR m.trashed_at IS NOT NULL
  WHEN 'archived' THEN s.state = 2 AND m.trashed_at IS NULL
  WHEN 'open' THEN s.state < 2 AND m.trashed_at IS NULL
  ELSE s.state < 3 AND m.trashed_at IS NULL
END
AND (:projects IS NULL OR p.key IN (SELECT k.value::bigint FROM json_array_elements_text(:projects) k))
AND (:roles IS NULL OR m.role IN (SELECT k.value::bigint FROM json_array_elements_text(:roles) k))
AND (:model IS NULL OR coalesce(m.model, s.model) = :model)
AND (:model_part IS NULL OR strpos(lower(coalesce(m.model, s.model) COLLATE "C"), :model_part) > 0)
AND (:provider IS NULL OR coalesce(m.provider, s.provider) = :provider)
AND (:pinned IS NULL OR s.pinned = :pinned)
AND (:before IS NULL OR coalesce(m.created_at, s.created_at) < :before)
AND (:after IS NULL OR coalesce(m.created_at, s.created_at) > :after)
AND (:tags IS NULL OR NOT EXISTS (SELECT 1 FROM json_array_elements_text(:tags ::json) w
  WHERE NOT EXISTS (SELECT 1 FROM json_array_elements_text(s.tags ::json) t
    WHERE lower(t.value COLLATE "C") = lower(w.value COLLATE "C"))))
AND (:has_tool IS NULL OR {search_has_tool})
AND (:has_file IS NULL OR EXISTS (SELECT 1 FROM message_file f WHERE f.ref = m.ref))

-- name: search_within
(:sessions IS NULL OR s.key IN (SELECT k.value::bigint FROM json_array_elements_text(:sessions) k))

-- Of what a body is without the marks and escapes of its column, the bytes.
-- name: search_size
CASE WHEN m.body IS NULL THEN 0 WHEN strpos(m.body, chr(16)) = 0 THEN octet_length(m.body)
  WHEN left(m.body, 2) = chr(16) || 'j' THEN octet_length(m.body) - 2
  ELSE octet_length(replace(replace(m.body, chr(16) || chr(16), ' '), chr(16) || '0', ' ')) END

-- Newest first, from the index: a row for each chunk that holds any of what is asked for. Joins are done as they stand
-- here; vectors are fetched last, for what is shown alone.
-- name: search_index
WITH hit AS MATERIALIZED (
  SELECT t.ctid AS at, t.seq, t.chunk, t.ref, t.size FROM text_index t
  WHERE t.words @@ :match AND t.words @@ :blocks AND t.words @@ :narrowed
    AND t.seq <= :high AND (t.seq < :high OR t.chunk > :after_chunk)
)
SELECT h.seq, h.ref, coalesce(m.created_at, s.created_at), h.size, h.chunk, w.words::text,
  CASE WHEN :with_text THEN m.body END, CASE WHEN :with_text AND m.ref IS NULL THEN s.title END
FROM (SELECT at, seq, chunk, ref, size FROM hit ORDER BY seq DESC, chunk) h
LEFT JOIN message m ON m.ref = h.ref AND m.mark = h.seq
JOIN session s ON s.key = h.ref >> 32
JOIN project p ON p.key = s.project_key
JOIN text_index w ON w.ctid = h.at
WHERE (m.ref IS NOT NULL OR h.ref & 4294967295 = 0 AND s.title_mark = h.seq) AND {search_within} AND {search_fits}
ORDER BY h.seq DESC, h.chunk LIMIT :limit

-- Newest first, as stored. A text of plain ASCII without `:needle` cannot match and is passed over early.
-- name: search_changes
SELECT c.seq, c.ref, coalesce(m.created_at, s.created_at), {search_size}, m.body, CASE WHEN m.ref IS NULL THEN s.title END
FROM (SELECT seq, ref FROM change WHERE seq BETWEEN :low AND :high ORDER BY seq DESC) c
LEFT JOIN message m ON m.ref = c.ref AND m.mark = c.seq
JOIN session s ON s.key = c.ref >> 32
JOIN project p ON p.key = s.project_key
WHERE (:needle IS NULL OR m.ref IS NULL OR strpos(lower(m.body COLLATE "C"), :needle) > 0
    OR left(m.body, 2) = chr(16) || 'j' OR length(m.body) <> octet_length(m.body))
  AND {search_is_text} AND {search_within} AND {search_fits}
ORDER BY c.seq DESC

-- All of some sessions, as stored, in no order: to sort them here would hold all their texts at once.
-- name: search_sessions
SELECT m.mark, m.ref, m.created_at, {search_size}, m.body, NULL
FROM session s
JOIN project p ON p.key = s.project_key
JOIN message m ON m.ref BETWEEN s.key << 32 AND s.key << 32 | 4294967295
WHERE {search_within} AND m.mark BETWEEN greatest(:low, 1) AND :high AND {search_fits}
UNION ALL
SELECT s.title_mark, s.key << 32, s.created_at, 0, NULL, s.title
FROM session s
JOIN project p ON p.key = s.project_key
LEFT JOIN message m ON m.ref = 0
WHERE {search_within} AND s.title_mark BETWEEN greatest(:low, 1) AND :high AND {search_fits}

-- What is shown of hits. A reference without a position is that of a title.
-- name: search_hits
SELECT k.ref, s.id, p.id, s.title, m.id, m.role, coalesce(m.created_at, s.created_at), m.body
FROM (SELECT r.value::bigint AS ref, r.number FROM json_array_elements_text(:refs) WITH ORDINALITY r (value, number)) k
LEFT JOIN message m ON m.ref = k.ref
JOIN session s ON s.key = k.ref >> 32
JOIN project p ON p.key = s.project_key
WHERE {visible}
ORDER BY k.number

-- name: search_scope_size
SELECT coalesce(sum(s.last_position), 0), count(*) FROM session s JOIN project p ON p.key = s.project_key
WHERE s.key IN (SELECT k.value::bigint FROM json_array_elements_text(:sessions) k) AND {visible}

-- name: search_sessions_of_projects
SELECT s.key FROM session s JOIN project p ON p.key = s.project_key
WHERE p.key IN (SELECT k.value::bigint FROM json_array_elements_text(:projects) k) AND {visible} ORDER BY s.key LIMIT :limit

-- name: search_sessions_with_tag
SELECT DISTINCT t.session_key FROM session_tag t JOIN project p ON p.key = t.project_key
WHERE lower(t.tag COLLATE "C") = lower(:tag COLLATE "C") AND {visible} ORDER BY 1 LIMIT :limit

-- name: search_sessions_archived
SELECT s.key FROM project p JOIN session s ON s.project_key = p.key AND s.state = 2
WHERE {visible} ORDER BY s.key LIMIT :limit

-- name: search_session_ids
SELECT s.key FROM session s JOIN project p ON p.key = s.project_key
WHERE (s.id BETWEEN :low AND :high OR right(encode(s.id, 'hex'), :digits ::integer) = :ending) AND {visible} ORDER BY s.key

-- name: search_project_ids
SELECT p.key FROM project p
WHERE (p.id BETWEEN :low AND :high OR right(encode(p.id, 'hex'), :digits ::integer) = :ending) AND {visible} ORDER BY p.key

-- name: search_project_names
SELECT p.key FROM project p
WHERE lower(p.name COLLATE "C") = lower(:name COLLATE "C") AND {visible} ORDER BY p.key

-- What a search does may be ended early, and then the transaction goes on. Its joins are small and go as they are written.
-- name: search_begin (everybody)
SAVEPOINT search

-- name: search_settle (everybody)
SELECT set_config('statement_timeout', :time, true), set_config('join_collapse_limit', '1', true),
  set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
  set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)

-- name: search_end (everybody)
ROLLBACK TO SAVEPOINT search
