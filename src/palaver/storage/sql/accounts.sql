-- Who may look after the accounts of others.
-- name: administers
(:actor = 'system'
  OR EXISTS (SELECT 1 FROM account z WHERE z.id = :actor AND z.administrator = 1 AND z.disabled_at IS NULL))

-- name: account_columns
a.id, a.email, a.email_key, a.name, a.administrator, a.disabled_at, a.password, a.created_at, a.updated_at, a.guard

-- name: find_administrator
SELECT 1 WHERE {administers}

-- name: find_account
SELECT {account_columns} FROM account a WHERE a.id = :id AND (a.id = :actor OR {administers})

-- name: list_accounts
SELECT {account_columns} FROM account a WHERE a.email_key > :after AND {administers}
ORDER BY a.email_key LIMIT :limit

-- name: update_account
UPDATE account SET email = :email, email_key = :email_key, name = :name, administrator = :administrator,
  disabled_at = :disabled_at, password = :password, updated_at = :updated_at, guard = :guard
WHERE id = :id AND (id = :actor OR {administers})

-- name: count_administrators
SELECT count(*) FROM account a WHERE a.administrator = 1 AND a.disabled_at IS NULL AND (a.id = :actor OR {administers})

-- name: sign_in_columns
i.id, i.account_id, i.digest, i.address, i.user_agent, i.created_at, i.expires_at, i.used_at, i.guard

-- name: list_sign_ins
SELECT {sign_in_columns} FROM sign_in i WHERE i.account_id = :actor AND i.expires_at > :now
ORDER BY i.used_at DESC, i.id DESC

-- name: delete_sign_in
DELETE FROM sign_in WHERE id = :id AND account_id = :actor RETURNING id

-- name: delete_sign_ins
DELETE FROM sign_in WHERE account_id = :account AND id <> :keep AND (account_id = :actor OR {administers})

-- name: token_columns
k.id, k.account_id, k.digest, k.name, k.scope, k.hint, k.created_at, k.expires_at, k.used_at, k.guard

-- name: list_tokens
SELECT {token_columns} FROM api_token k WHERE k.account_id = :actor ORDER BY k.created_at DESC, k.id DESC

-- name: insert_token
INSERT INTO api_token (id, account_id, digest, name, scope, hint, created_at, expires_at, used_at, guard)
VALUES (:id, :actor, :digest, :name, :scope, :hint, :created_at, :expires_at, :used_at, :guard)

-- name: delete_token
DELETE FROM api_token WHERE id = :id AND account_id = :actor RETURNING id

-- name: delete_tokens
DELETE FROM api_token WHERE account_id = :account AND (account_id = :actor OR {administers})

-- name: invitation_columns
v.id, v.digest, v.setup, v.email, v.email_key, v.administrator, v.project_key, v.role, v.account_id, v.inviter,
v.created_at, v.expires_at, v.guard

-- With what is shown of the project and of who invites.
-- name: invitation_rows
invitation v LEFT JOIN project p ON p.key = v.project_key LEFT JOIN account b ON b.id = v.inviter

-- name: list_invitations
SELECT {invitation_columns}, p.id, p.name, b.name FROM {invitation_rows}
WHERE v.expires_at > :now AND v.setup = 0 AND (v.inviter = :actor OR {administers})
ORDER BY v.created_at DESC, v.id DESC

-- name: list_project_invitations
SELECT {invitation_columns}, p.id, p.name, b.name FROM {invitation_rows}
WHERE v.project_key = :project AND v.expires_at > :now AND {owned}
ORDER BY v.created_at DESC, v.id DESC

-- name: delete_invitation
DELETE FROM invitation WHERE id = :id AND (inviter = :actor OR {administers}
  OR EXISTS (SELECT 1 FROM project p WHERE p.key = invitation.project_key AND {owned}))
RETURNING id

-- To a project by its owner, which the transaction has looked at; all else by administrators alone.
-- name: insert_invitation (owner)
INSERT INTO invitation (id, digest, setup, email, email_key, administrator, project_key, role, account_id, inviter,
  created_at, expires_at, guard)
SELECT :id, :digest, :setup, :email, :email_key, :administrator, :project, :role, :account_id, :actor,
  :created_at, :expires_at, :guard
WHERE {administers} OR (:project IS NOT NULL AND :administrator = 0 AND :account_id IS NULL)

-- That an address or an id has an account is told to who changes or invites; nothing else of it.
-- name: email_is_taken (everybody)
SELECT 1 FROM account a WHERE a.email_key = :email_key AND a.id <> :id

-- name: account_exists (everybody)
SELECT 1 FROM account a WHERE a.id = :id

-- name: find_addressee (everybody)
SELECT a.id, a.disabled_at FROM account a WHERE a.email_key = :email_key
