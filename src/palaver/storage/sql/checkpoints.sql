-- name: checkpoint_columns
c.key, c.id, c.kind, c.from_position, c.through_position, c.summary, c.level, c.number, c.token_count, c.model,
c.replaces, c.created_at, c.reverted_at, f.id, t.id

-- With the messages at which its stretch begins and ends.
-- name: checkpoint_rows
checkpoint c LEFT JOIN message f ON f.ref = (c.session_key << 32 | c.from_position)
LEFT JOIN message t ON t.ref = (c.session_key << 32 | c.through_position)

-- name: insert_checkpoint
INSERT INTO checkpoint (id, session_key, kind, from_position, through_position, summary, level, number, token_count,
  model, replaces, created_at, reverted_at, front, guard)
VALUES (:id, :session, :kind, :from_position, :through_position, :summary, :level, :number, :token_count, :model,
  :replaces, :created_at, :reverted_at, 0, :guard)
ON CONFLICT DO NOTHING RETURNING key

-- name: last_checkpoint_number
SELECT coalesce(max(c.number), 0) FROM checkpoint c WHERE c.session_key = :session

-- name: find_checkpoint
SELECT {checkpoint_columns}, s.id FROM {checkpoint_rows}
JOIN session s ON s.key = c.session_key JOIN project p ON p.key = s.project_key
WHERE c.id = :id AND {visible}

-- name: list_checkpoints
SELECT {checkpoint_columns} FROM {checkpoint_rows} WHERE c.session_key = :session ORDER BY c.number

-- name: list_front_checkpoints
SELECT {checkpoint_columns} FROM {checkpoint_rows} WHERE c.session_key = :session AND c.front = 1 ORDER BY c.number

-- name: checkpoint_link
c.key, c.id, c.through_position, c.replaces, c.reverted_at, c.front

-- name: list_checkpoint_links
SELECT {checkpoint_link} FROM checkpoint c WHERE c.session_key = :session ORDER BY c.number

-- name: find_checkpoint_link
SELECT {checkpoint_link} FROM checkpoint c WHERE c.session_key = :session AND c.id = :id

-- name: find_checkpoint_by_key
SELECT {checkpoint_columns} FROM {checkpoint_rows} WHERE c.key = :key AND c.session_key = :session

-- name: set_checkpoint_front
UPDATE checkpoint SET front = :front WHERE key = :key AND session_key = :session

-- name: set_checkpoint_reverted
UPDATE checkpoint SET reverted_at = :reverted_at, guard = :guard WHERE key = :key AND session_key = :session

-- name: delete_checkpoint
DELETE FROM checkpoint WHERE key = :key AND session_key = :session

-- name: delete_session_checkpoints
DELETE FROM checkpoint WHERE session_key = :session

-- name: snapshot_columns
n.id, n.name, n.purpose, n.checkpoints, n.settings, n.token_count, n.created_at

-- name: insert_snapshot
INSERT INTO snapshot (id, session_key, name, purpose, head, checkpoints, settings, token_count, created_at, guard)
VALUES (:id, :session, :name, :purpose, :head, :checkpoints, :settings, :token_count, :created_at, :guard)
ON CONFLICT DO NOTHING RETURNING key

-- name: find_snapshot
SELECT {snapshot_columns}, n.head, s.id, m.id FROM snapshot n
JOIN session s ON s.key = n.session_key JOIN project p ON p.key = s.project_key
LEFT JOIN message m ON m.ref = (n.session_key << 32 | n.head)
WHERE n.id = :id AND {visible}

-- name: list_snapshots
SELECT {snapshot_columns}, m.id FROM snapshot n
LEFT JOIN message m ON m.ref = (n.session_key << 32 | n.head)
WHERE n.session_key = :session ORDER BY n.created_at DESC, n.key DESC

-- name: find_snapshot_of
SELECT 1 FROM snapshot n
WHERE n.session_key = :session AND n.head = :head AND n.checkpoints = :checkpoints AND n.settings = :settings LIMIT 1

-- name: newest_snapshot_time
SELECT coalesce(max(n.created_at), 0) FROM snapshot n WHERE n.session_key = :session

-- name: delete_snapshot
DELETE FROM snapshot WHERE id = :id AND session_key = :session

-- name: delete_session_snapshots
DELETE FROM snapshot WHERE session_key = :session
