-- Content is stored once, whoever brings it; that it is there already, nobody is told.
-- name: find_file (system)
SELECT f.key, f.size FROM file f WHERE f.digest = :digest

-- name: insert_file (system)
INSERT INTO file (digest, size, created_at) VALUES (:digest, :size, :created_at) RETURNING key

-- name: insert_file_chunk (system)
INSERT INTO file_chunk (file_key, number, data) VALUES (:file, :number, :data)

-- name: hold_file
INSERT INTO file_holder (file_key, actor, created_at) VALUES (:file, :actor, :created_at)
ON CONFLICT (file_key, actor) DO UPDATE SET created_at = excluded.created_at

-- name: release_file
DELETE FROM file_holder WHERE file_key = :file AND actor = :actor

-- Of a file `f`.
-- name: readable
(:actor = 'system'
  OR EXISTS (SELECT 1 FROM file_holder h WHERE h.file_key = f.key AND h.actor = :actor)
  OR EXISTS (
    SELECT 1 FROM message_file x JOIN session s ON s.key = x.ref >> 32 JOIN project p ON p.key = s.project_key
    WHERE x.file_key = f.key AND {visible}))

-- name: find_visible_file
SELECT f.key, f.size FROM file f WHERE f.digest = :digest AND {readable}

-- name: read_file_chunk
SELECT c.data FROM file_chunk c JOIN file f ON f.key = c.file_key
WHERE c.file_key = :file AND c.number = :number AND {readable}

-- name: attach_file
INSERT INTO message_file (ref, file_key) VALUES (:ref, :file) ON CONFLICT DO NOTHING

-- name: detach_message_files
DELETE FROM message_file WHERE ref BETWEEN :low AND :high RETURNING file_key

-- Tidying: what nobody's message refers to goes a day after it was put.
-- name: release_old_holders (system)
DELETE FROM file_holder WHERE created_at < :before RETURNING file_key

-- name: delete_unused_file (system)
DELETE FROM file WHERE key = :file AND NOT EXISTS (SELECT 1 FROM message_file x WHERE x.file_key = file.key)
  AND NOT EXISTS (SELECT 1 FROM file_holder h WHERE h.file_key = file.key)
RETURNING key
