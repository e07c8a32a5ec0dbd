-- An account's id is an actor, like project.owner_id. Secrets are kept as SHA-256 digests, passwords as argon2id hashes.

CREATE TABLE account (
  id text COLLATE "C" PRIMARY KEY,
  email text COLLATE "C" NOT NULL,
  email_key text COLLATE "C" NOT NULL UNIQUE, -- the address as it is compared: case-folded
  name text COLLATE "C" NOT NULL,
  administrator smallint NOT NULL,
  disabled_at bigint,
  password text COLLATE "C",           -- NULL for who signs in with a provider alone
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  guard bytea NOT NULL
);

-- Who somebody is for an OpenID provider.
CREATE TABLE external_identity (
  issuer text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  created_at bigint NOT NULL,
  guard bytea NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX external_identity_account ON external_identity (account_id);

CREATE TABLE member (
  project_key bigint NOT NULL REFERENCES project (key) ON DELETE CASCADE,
  actor text COLLATE "C" NOT NULL,
  role smallint NOT NULL,              -- the owner is project.owner_id and has no row
  added_at bigint NOT NULL,
  guard bytea NOT NULL,
  PRIMARY KEY (project_key, actor)
);
CREATE INDEX member_actor ON member (actor, project_key, role);

CREATE TABLE invitation (
  id bytea PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  setup smallint NOT NULL,             -- 1 for the first administrator
  email text COLLATE "C",
  email_key text COLLATE "C",
  administrator smallint NOT NULL,
  project_key bigint REFERENCES project (key) ON DELETE CASCADE,
  role smallint,
  account_id text COLLATE "C" REFERENCES account (id) ON DELETE CASCADE,
  inviter text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  guard bytea NOT NULL
);
CREATE INDEX invitation_project ON invitation (project_key);
CREATE INDEX invitation_account ON invitation (account_id);
CREATE INDEX invitation_email ON invitation (email_key);

CREATE TABLE sign_in (
  id bytea PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  digest bytea NOT NULL UNIQUE,
  address text COLLATE "C" NOT NULL,
  user_agent text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  used_at bigint NOT NULL,
  guard bytea NOT NULL
);
CREATE INDEX sign_in_account ON sign_in (account_id);
CREATE INDEX sign_in_end ON sign_in (expires_at);

CREATE TABLE api_token (
  id bytea PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  digest bytea NOT NULL UNIQUE,
  name text COLLATE "C" NOT NULL,
  scope smallint NOT NULL,
  hint text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  used_at bigint,
  guard bytea NOT NULL
);
CREATE INDEX api_token_account ON api_token (account_id);

-- Failures since the last success, by what they were counted for (a digest: people type passwords into the wrong field).
CREATE TABLE attempt (
  subject bytea PRIMARY KEY,
  failures bigint NOT NULL,
  failed_at bigint NOT NULL
);
CREATE INDEX attempt_age ON attempt (failed_at);
