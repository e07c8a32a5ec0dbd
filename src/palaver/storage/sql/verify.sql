-- all: (system)
-- name: verify_next_session
SELECT s.key FROM session s WHERE s.key > :after ORDER BY s.key LIMIT 1

-- name: verify_session
SELECT {session_columns} FROM session s WHERE s.key = :key

-- name: verify_next_message
SELECT m.ref FROM message m WHERE m.ref > :after ORDER BY m.ref LIMIT 1

-- name: verify_count_messages
SELECT count(*) FROM message m WHERE m.ref BETWEEN :low AND :high

-- A message with the ref of the change it names as its mark and the length of its draft.
-- name: verify_messages
SELECT {message_columns}, c.ref, d.length FROM message m
LEFT JOIN change c ON c.seq = m.mark
LEFT JOIN draft d ON d.ref = m.ref
WHERE m.ref BETWEEN :low AND :high ORDER BY m.ref

-- name: verify_chunks
SELECT c.at, c.length, c.body FROM draft_chunk c WHERE c.ref = :ref ORDER BY c.at

-- name: verify_set_match_key
UPDATE message SET match_key = :match_key WHERE ref = :ref

-- name: verify_set_tokens
UPDATE message SET tokens = :tokens WHERE ref = :ref

-- name: verify_set_mark
UPDATE message SET mark = :mark WHERE ref = :ref

-- name: verify_session_tags
SELECT g.project_key, g.tag, g.state, g.updated_at FROM session_tag g WHERE g.session_key = :session ORDER BY g.tag

-- name: verify_change
SELECT c.ref FROM change c WHERE c.seq = :seq

-- name: verify_changes
SELECT count(*), coalesce(min(c.seq), 0), coalesce(max(c.seq), 0) FROM change c

-- name: verify_checkpoints
SELECT c.id, c.kind, c.from_position, c.through_position, c.summary, c.level, c.number, c.token_count, c.model,
  c.replaces, c.created_at, c.reverted_at, c.guard
FROM checkpoint c WHERE c.session_key = :session ORDER BY c.number

-- name: verify_count_compressions
SELECT count(*) FROM checkpoint c WHERE c.session_key = :session AND c.replaces IS NULL

-- name: verify_snapshots
SELECT n.id, n.name, n.purpose, n.head, n.checkpoints, n.settings, n.token_count, n.created_at, n.guard
FROM snapshot n WHERE n.session_key = :session ORDER BY n.key

-- name: verify_projects
SELECT {project_columns} FROM project p ORDER BY p.key

-- name: verify_preferences
SELECT f.actor, f.name, f.value, f.guard FROM preference f ORDER BY f.actor, f.name

-- name: verify_files
SELECT f.key, f.digest, f.size FROM file f ORDER BY f.key

-- name: verify_file_chunks
SELECT c.number, c.data FROM file_chunk c WHERE c.file_key = :file ORDER BY c.number

-- name: verify_accounts
SELECT {account_columns} FROM account a ORDER BY a.id

-- name: verify_identities
SELECT x.issuer, x.subject, x.account_id, x.created_at, x.guard FROM external_identity x ORDER BY x.issuer, x.subject

-- name: verify_members
SELECT {member_columns} FROM member g ORDER BY g.project_key, g.actor

-- name: verify_invitations
SELECT {invitation_columns} FROM invitation v ORDER BY v.id

-- name: verify_sign_ins
SELECT {sign_in_columns} FROM sign_in i ORDER BY i.id

-- name: verify_tokens
SELECT {token_columns} FROM api_token k ORDER BY k.id

-- name: verify_message_anywhere
SELECT {message_columns} FROM message m WHERE m.id = :id
