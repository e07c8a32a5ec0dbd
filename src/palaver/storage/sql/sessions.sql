-- name: session_columns
s.key, s.id, s.project_key, s.state, s.title, s.title_source, s.title_mark, s.model, s.provider, s.context_size, s.tags,
s.pinned, s.archived_at, s.trashed_at, s.trashed_with, s.head, s.head_id, s.last_position, s.message_count,
s.token_count, s.compression_count, s.parent_id, s.relation, s.created_at, s.updated_at, s.revision, s.origin_source,
s.origin_id, s.note_count, s.checkpoint_count, s.snapshot_count, s.detail_guard, s.guard

-- What a session is made of; `d` is its detail.
-- name: session_value
s.id, s.title, s.title_source, s.model, s.provider, s.context_size, s.tags, s.pinned, s.archived_at, s.trashed_at,
s.head_id, s.message_count, s.token_count, s.compression_count, s.parent_id, s.relation, s.created_at, s.updated_at,
s.revision, s.origin_source, s.origin_id, s.project_key, d.system_prompt, d.settings, d.metadata

-- name: find_session
SELECT {session_columns}, p.id, {role} FROM session s JOIN project p ON p.key = s.project_key WHERE s.id = :id AND {visible}

-- name: find_session_place
SELECT s.key, s.id, s.head, s.last_position, {role} FROM session s JOIN project p ON p.key = s.project_key
WHERE s.id = :id AND {visible}

-- name: find_session_by_key
SELECT {session_columns}, p.id, {role} FROM session s JOIN project p ON p.key = s.project_key WHERE s.key = :key AND {visible}

-- name: find_session_with_head
SELECT {session_columns}, p.id, {role}, m.digest, m.match_key, m.status FROM session s
JOIN project p ON p.key = s.project_key
LEFT JOIN message m ON m.ref = (s.key << 32 | s.head)
WHERE s.id = :id AND {visible}

-- name: find_session_by_origin
SELECT {session_columns}, p.id, {role} FROM session s JOIN project p ON p.key = s.project_key
WHERE s.project_key = :project AND s.origin_source = :source AND s.origin_id = :origin AND {visible}

-- name: find_sessions_between
SELECT {session_columns}, p.id, {role} FROM session s JOIN project p ON p.key = s.project_key
WHERE s.id BETWEEN :low AND :high AND {visible} ORDER BY s.id LIMIT 10

-- name: find_sessions_ending
SELECT {session_columns}, p.id, {role} FROM session s JOIN project p ON p.key = s.project_key
WHERE lower(substr(hex(s.id), -:digits)) = :ending AND {visible} ORDER BY s.id LIMIT 10

-- name: session_exists (everybody)
SELECT 1 FROM session WHERE id = :id

-- name: find_session_detail
SELECT d.system_prompt, d.settings, d.metadata, d.guard FROM session_detail d WHERE d.session_key = :session

-- name: put_session_detail
INSERT INTO session_detail (session_key, system_prompt, settings, metadata, guard)
VALUES (:session, :system_prompt, :settings, :metadata, :guard)
ON CONFLICT (session_key) DO UPDATE SET system_prompt = excluded.system_prompt, settings = excluded.settings,
  metadata = excluded.metadata, guard = excluded.guard

-- name: insert_session
INSERT INTO session (id, project_key, state, title, title_source, title_mark, model, provider, context_size, tags,
  pinned, archived_at, trashed_at, trashed_with, head, head_id, last_position, message_count, token_count,
  compression_count, parent_id, relation, created_at, updated_at, revision, origin_source, origin_id,
  note_count, checkpoint_count, snapshot_count, detail_guard, guard)
VALUES (:id, :project_key, :state, :title, :title_source, :title_mark, :model, :provider, :context_size, :tags,
  :pinned, :archived_at, :trashed_at, :trashed_with, :head, :head_id, :last_position, :message_count, :token_count,
  :compression_count, :parent_id, :relation, :created_at, :updated_at, :revision, :origin_source, :origin_id,
  :note_count, :checkpoint_count, :snapshot_count, :detail_guard, :guard)
RETURNING key

-- name: update_session
UPDATE session SET project_key = :project_key, state = :state, title = :title, title_source = :title_source,
  title_mark = :title_mark, model = :model, provider = :provider, context_size = :context_size, tags = :tags,
  pinned = :pinned, archived_at = :archived_at, trashed_at = :trashed_at, trashed_with = :trashed_with, head = :head,
  head_id = :head_id, last_position = :last_position, message_count = :message_count, token_count = :token_count,
  compression_count = :compression_count, parent_id = :parent_id, relation = :relation, created_at = :created_at,
  updated_at = :updated_at, revision = :revision, origin_source = :origin_source, origin_id = :origin_id,
  note_count = :note_count, checkpoint_count = :checkpoint_count, snapshot_count = :snapshot_count, detail_guard = :detail_guard, guard = :guard
WHERE key = :session

-- name: advance_session
UPDATE session SET state = :state, head = :head, head_id = :head_id, last_position = :last_position,
  message_count = :message_count, note_count = :note_count, token_count = :token_count, updated_at = :updated_at,
  guard = :guard
WHERE key = :session

-- name: delete_session (owner)
DELETE FROM session WHERE key = :session

-- name: delete_session_tags
DELETE FROM session_tag WHERE session_key = :session

-- name: insert_session_tag
INSERT INTO session_tag (project_key, tag, state, updated_at, session_key)
VALUES (:project, :tag, :state, :updated_at, :session)

-- name: session_filter
(:only IS NULL OR s.id = :only) AND (:model IS NULL OR s.model = :model) AND (:provider IS NULL OR s.provider = :provider)
AND (:pinned IS NULL OR s.pinned = :pinned) AND s.updated_at > :low
AND (:more_tags = 0 OR :more_tags = (SELECT count(*) FROM session_tag x, json_each(:tags) t
  WHERE x.project_key = s.project_key AND x.tag = t.value AND x.state = s.state AND x.updated_at = s.updated_at
  AND x.session_key = s.key))

-- name: list_sessions
SELECT {session_value}, s.guard FROM session s
LEFT JOIN session_detail d ON d.session_key = s.key
WHERE s.project_key = :project AND s.state = :state AND (s.updated_at, s.id) < (:updated_at, :id)
AND {session_filter}
ORDER BY s.updated_at DESC, s.id DESC LIMIT :limit

-- From the index alone, where nothing else is asked for.
-- name: list_session_places
SELECT s.updated_at, s.id, s.key FROM session s
WHERE s.project_key = :project AND s.state = :state AND (s.updated_at, s.id) < (:updated_at, :id)
AND {session_filter}
ORDER BY s.updated_at DESC, s.id DESC LIMIT :limit

-- name: list_session_places_by_tag
SELECT s.updated_at, s.id, s.key FROM session_tag g
CROSS JOIN session s ON s.key = g.session_key
WHERE g.project_key = :project AND g.tag = :tag AND g.state = :state AND g.updated_at <= :updated_at
AND (s.updated_at, s.id) < (:updated_at, :id) AND {session_filter}
ORDER BY g.updated_at DESC, s.id DESC LIMIT :limit

-- :keys is a JSON array.
-- name: list_sessions_at
SELECT {session_value}, s.guard FROM json_each(:keys) k
CROSS JOIN session s ON s.key = k.value
JOIN project p ON p.key = s.project_key AND {visible}
LEFT JOIN session_detail d ON d.session_key = s.key

-- name: list_sessions_by_tag
SELECT {session_value}, s.guard FROM session_tag g
CROSS JOIN session s ON s.key = g.session_key
LEFT JOIN session_detail d ON d.session_key = s.key
WHERE g.project_key = :project AND g.tag = :tag AND g.state = :state AND g.updated_at <= :updated_at
AND (s.updated_at, s.id) < (:updated_at, :id) AND {session_filter}
ORDER BY g.updated_at DESC, s.id DESC LIMIT :limit

-- name: list_newest
SELECT s.id, s.updated_at, s.pinned FROM session s
WHERE s.project_key = :project AND s.state = :state
ORDER BY s.updated_at DESC, s.id DESC

-- name: newest_open_session
SELECT s.id, s.updated_at FROM session s WHERE s.project_key = :project AND s.state = :state
ORDER BY s.updated_at DESC, s.id DESC LIMIT 1

-- name: greatest_content_time (system)
SELECT max(newest) FROM (
  SELECT (SELECT max(s.updated_at) FROM session s WHERE s.project_key = p.key AND s.state = x.state) AS newest
  FROM project p, (SELECT 0 AS state UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) x) y

-- name: list_old_trashed_sessions
SELECT s.id FROM session s JOIN project p ON p.key = s.project_key
WHERE {owned} AND s.trashed_at IS NOT NULL AND s.trashed_at <= :before ORDER BY s.key
