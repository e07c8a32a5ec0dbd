-- all: (system)
-- What is asked before it is known who asks: only `system` runs these.

-- name: door_count_accounts
SELECT count(*) FROM account a

-- name: door_find_account
SELECT {account_columns} FROM account a WHERE a.id = :id

-- name: door_find_email
SELECT {account_columns} FROM account a WHERE a.email_key = :email_key

-- name: door_insert_account
INSERT INTO account (id, email, email_key, name, administrator, disabled_at, password, created_at, updated_at, guard)
VALUES (:id, :email, :email_key, :name, :administrator, :disabled_at, :password, :created_at, :updated_at, :guard)
ON CONFLICT DO NOTHING RETURNING id

-- name: door_find_identity
SELECT x.account_id FROM external_identity x WHERE x.issuer = :issuer AND x.subject = :subject

-- name: door_insert_identity
INSERT INTO external_identity (issuer, subject, account_id, created_at, guard)
VALUES (:issuer, :subject, :account_id, :created_at, :guard) ON CONFLICT DO NOTHING

-- name: door_find_invitation
SELECT {invitation_columns}, p.id, p.name, b.name FROM {invitation_rows}
WHERE v.digest = :digest AND v.expires_at > :now AND p.trashed_at IS NULL

-- name: door_find_invitation_of
SELECT {invitation_columns} FROM invitation v
WHERE v.email_key = :email_key AND v.expires_at > :now AND v.account_id IS NULL
ORDER BY v.created_at DESC, v.id DESC LIMIT 1

-- name: door_delete_invitation
DELETE FROM invitation WHERE id = :id

-- name: door_delete_setup_codes
DELETE FROM invitation WHERE setup = 1

-- name: door_delete_expired_invitations
DELETE FROM invitation WHERE expires_at <= :now

-- name: door_insert_sign_in
INSERT INTO sign_in (id, account_id, digest, address, user_agent, created_at, expires_at, used_at, guard)
VALUES (:id, :account_id, :digest, :address, :user_agent, :created_at, :expires_at, :used_at, :guard)

-- name: door_find_sign_in
SELECT {sign_in_columns}, a.administrator FROM sign_in i JOIN account a ON a.id = i.account_id
WHERE i.digest = :digest AND i.expires_at > :now AND a.disabled_at IS NULL

-- name: door_use_sign_in
UPDATE sign_in SET used_at = :used_at, guard = :guard WHERE id = :id

-- name: door_delete_sign_in
DELETE FROM sign_in WHERE digest = :digest

-- name: door_delete_expired_sign_ins
DELETE FROM sign_in WHERE expires_at <= :now

-- name: door_is_signed_in_at
SELECT 1 FROM sign_in i JOIN account a ON a.id = i.account_id
WHERE a.email_key = :email_key AND i.address = :address AND i.expires_at > :now LIMIT 1

-- name: door_find_token
SELECT {token_columns}, a.administrator FROM api_token k JOIN account a ON a.id = k.account_id
WHERE k.digest = :digest AND (k.expires_at IS NULL OR k.expires_at > :now) AND a.disabled_at IS NULL

-- name: door_use_token
UPDATE api_token SET used_at = :used_at, guard = :guard WHERE id = :id

-- name: door_find_attempt
SELECT t.failures, t.failed_at FROM attempt t WHERE t.subject = :subject

-- name: door_put_attempt
INSERT INTO attempt (subject, failures, failed_at) VALUES (:subject, :failures, :failed_at)
ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, failed_at = excluded.failed_at

-- name: door_delete_attempt
DELETE FROM attempt WHERE subject = :subject

-- name: door_delete_old_attempts
DELETE FROM attempt WHERE failed_at < :before
