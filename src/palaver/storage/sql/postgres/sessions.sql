-- name: find_session_by_origin
SELECT {session_columns}, p.id, {role} FROM session s JOIN project p ON p.key = s.project_key
WHERE s.project_key = :project AND hashtextextended(s.origin_source, 0) = hashtextextended(:source, 0)
AND hashtextextended(s.origin_id, 0) = hashtextextended(:origin, 0)
AND s.origin_source = :source AND s.origin_id = :origin AND {visible}

-- name: find_sessions_ending
SELECT {session_columns}, p.id, {role} FROM session s JOIN project p ON p.key = s.project_key
WHERE right(encode(s.id, 'hex'), :digits::integer) = :ending AND {visible} ORDER BY s.id LIMIT 10

-- name: session_filter
(:only IS NULL OR s.id = :only) AND (:model IS NULL OR s.model = :model) AND (:provider IS NULL OR s.provider = :provider)
AND (:pinned IS NULL OR s.pinned = :pinned) AND s.updated_at > :low
AND (:more_tags = 0 OR :more_tags = (SELECT count(*) FROM session_tag x, json_array_elements_text(:tags ::json) t
  WHERE x.project_key = s.project_key AND x.tag = t.value AND x.state = s.state AND x.updated_at = s.updated_at
  AND x.session_key = s.key))

-- name: list_session_places_by_tag
SELECT s.updated_at, s.id, s.key FROM session_tag g
JOIN session s ON s.key = g.session_key
WHERE g.project_key = :project AND g.tag = :tag AND g.state = :state AND g.updated_at <= :updated_at
AND (s.updated_at, s.id) < (:updated_at, :id) AND {session_filter}
ORDER BY g.updated_at DESC, s.id DESC LIMIT :limit

-- :keys is a JSON array.
-- name: list_sessions_at
SELECT {session_value}, s.guard FROM json_array_elements_text(:keys) k
JOIN session s ON s.key = k.value::bigint
JOIN project p ON p.key = s.project_key AND {visible}
LEFT JOIN session_detail d ON d.session_key = s.key

-- name: list_sessions_by_tag
SELECT {session_value}, s.guard FROM session_tag g
JOIN session s ON s.key = g.session_key
LEFT JOIN session_detail d ON d.session_key = s.key
WHERE g.project_key = :project AND g.tag = :tag AND g.state = :state AND g.updated_at <= :updated_at
AND (s.updated_at, s.id) < (:updated_at, :id) AND {session_filter}
ORDER BY g.updated_at DESC, s.id DESC LIMIT :limit
