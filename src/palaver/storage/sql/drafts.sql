-- name: insert_draft
INSERT INTO draft (ref, owner, lease_until, length, stop_requested) VALUES (:ref, :owner, :lease_until, 0, 0)

-- name: find_draft
SELECT d.owner, d.lease_until, d.length, d.stop_requested FROM draft d WHERE d.ref = :ref

-- name: list_session_drafts
SELECT d.ref, d.owner, d.lease_until FROM draft d WHERE d.ref BETWEEN :low AND :high ORDER BY d.ref

-- name: list_drafts
SELECT d.ref, d.owner, d.lease_until, {role} FROM draft d
JOIN session s ON s.key = d.ref >> 32 JOIN project p ON p.key = s.project_key
WHERE {editable} ORDER BY d.ref

-- name: extend_draft
UPDATE draft SET length = :length, lease_until = :lease_until WHERE ref = :ref

-- name: stop_draft
UPDATE draft SET stop_requested = 1 WHERE ref = :ref

-- name: insert_chunk
INSERT INTO draft_chunk (ref, at, length, body) VALUES (:ref, :at, :length, :body)

-- name: list_chunks
SELECT c.body FROM draft_chunk c WHERE c.ref = :ref ORDER BY c.at

-- name: delete_chunks
DELETE FROM draft_chunk WHERE ref = :ref

-- name: delete_draft
DELETE FROM draft WHERE ref = :ref
