-- An account's id is an actor, like project.owner_id. Secrets are kept as SHA-256 digests, passwords as argon2id hashes.

CREATE TABLE account (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,   -- the address as it is compared: case-folded
  name TEXT NOT NULL,
  administrator INTEGER NOT NULL,
  disabled_at INTEGER,
  password TEXT,                    -- NULL for who signs in with a provider alone
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  guard BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who somebody is for an OpenID provider.
CREATE TABLE external_identity (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  guard BLOB NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX external_identity_account ON external_identity (account_id);

CREATE TABLE member (
  project_key INTEGER NOT NULL REFERENCES project (key) ON DELETE CASCADE,
  actor TEXT NOT NULL,
  role INTEGER NOT NULL,            -- the owner is project.owner_id and has no row
  added_at INTEGER NOT NULL,
  guard BLOB NOT NULL,
  PRIMARY KEY (project_key, actor)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_actor ON member (actor, project_key, role);

CREATE TABLE invitation (
  id BLOB PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  setup INTEGER NOT NULL,           -- 1 for the first administrator
  email TEXT,
  email_key TEXT,
  administrator INTEGER NOT NULL,
  project_key INTEGER REFERENCES project (key) ON DELETE CASCADE,
  role INTEGER,
  account_id TEXT REFERENCES account (id) ON DELETE CASCADE,
  inviter TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  guard BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invitation_project ON invitation (project_key);
CREATE INDEX invitation_account ON invitation (account_id);
CREATE INDEX invitation_email ON invitation (email_key);

CREATE TABLE sign_in (
  id BLOB PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  digest BLOB NOT NULL UNIQUE,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  guard BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_account ON sign_in (account_id);
CREATE INDEX sign_in_end ON sign_in (expires_at);

CREATE TABLE api_token (
  id BLOB PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  digest BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  scope INTEGER NOT NULL,
  hint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  used_at INTEGER,
  guard BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_token_account ON api_token (account_id);

-- Failures since the last success, by what they were counted for (a digest: people type passwords into the wrong field).
CREATE TABLE attempt (
  subject BLOB PRIMARY KEY,
  failures INTEGER NOT NULL,
  failed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_age ON attempt (failed_at);
