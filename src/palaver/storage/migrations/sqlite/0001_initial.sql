-- Numbers in place of words: roles, states and the like are positions in the tuples of model.py.
-- Times are milliseconds since 1970, but session.updated_at is microseconds: it orders lists and must not tie.
-- `guard` is a BLAKE2b-64 over the columns that may change; `digest` covers what never does.

CREATE TABLE store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  indexed_through INTEGER NOT NULL,
  index_version INTEGER NOT NULL
) STRICT;

CREATE TABLE project (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  personal INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  trashed_at INTEGER,
  guard BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX project_personal ON project (owner_id) WHERE personal = 1;
CREATE INDEX project_owner ON project (owner_id, name, id);

CREATE TABLE session (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  project_key INTEGER NOT NULL REFERENCES project (key),
  state INTEGER NOT NULL,           -- 0 open, 1 empty, 2 archived, 3 trashed: what lists go by
  title TEXT NOT NULL,
  title_source INTEGER NOT NULL,
  title_mark INTEGER NOT NULL,      -- the change under which the title is indexed; 0 where it is not
  model TEXT,
  provider TEXT,
  context_size INTEGER,
  tags TEXT,                        -- JSON array; NULL for none
  pinned INTEGER NOT NULL,
  archived_at INTEGER,
  trashed_at INTEGER,
  trashed_with INTEGER NOT NULL,    -- 1 where it went to the trash with its project
  head INTEGER NOT NULL,            -- position; 0 for none
  head_id BLOB,
  last_position INTEGER NOT NULL,
  message_count INTEGER NOT NULL,
  token_count INTEGER NOT NULL,
  compression_count INTEGER NOT NULL,
  parent_id BLOB,
  relation INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  origin_source TEXT,
  origin_id TEXT,
  note_count INTEGER NOT NULL,      -- of message_count: a session that holds nothing but notes is empty
  checkpoint_count INTEGER NOT NULL, -- rows of the session elsewhere, so that a lost one is noticed
  snapshot_count INTEGER NOT NULL,
  detail_guard BLOB,                -- the guard of its session_detail; NULL where it has none
  guard BLOB NOT NULL
) STRICT;
CREATE INDEX session_list ON session (project_key, state, updated_at, id);
CREATE UNIQUE INDEX session_origin ON session (project_key, origin_source, origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX session_trash ON session (trashed_at) WHERE trashed_at IS NOT NULL;

-- Beside the session because an append rewrites the session's row; absent where all is default.
CREATE TABLE session_detail (
  session_key INTEGER PRIMARY KEY REFERENCES session (key) ON DELETE CASCADE,
  system_prompt TEXT,
  settings BLOB NOT NULL,
  metadata BLOB NOT NULL,
  guard BLOB NOT NULL
) STRICT;

CREATE TABLE session_tag (
  project_key INTEGER NOT NULL,
  tag TEXT NOT NULL,
  state INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  session_key INTEGER NOT NULL REFERENCES session (key) ON DELETE CASCADE,
  PRIMARY KEY (project_key, tag, state, updated_at, session_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_tag_session ON session_tag (session_key);

-- ref = session key << 32 | position: a session's messages lie side by side.
CREATE TABLE message (
  ref INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  parent INTEGER NOT NULL,          -- position; 0 for a root
  mark INTEGER NOT NULL,            -- the change under which its text is indexed; 0 for a draft
  role INTEGER NOT NULL,
  status INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  in_context INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  trashed_at INTEGER,
  purged_at INTEGER,
  digest BLOB,                      -- 0x01 and BLAKE2b-128; NULL for a draft
  match_key BLOB,
  guard BLOB,                       -- NULL while in_context, trashed_at and purged_at are as they came
  model TEXT,
  provider TEXT,
  usage TEXT,
  error TEXT,
  metadata TEXT,
  origin_source TEXT,
  origin_id TEXT,
  body ANY                          -- TEXT for one plain text, BLOB of JSON for other parts, NULL once purged
) STRICT;
CREATE UNIQUE INDEX message_id ON message (id);
-- Where a branch does not go on from the position before: from these few rows a branch is a handful of ranges.
CREATE INDEX message_jump ON message (ref) WHERE parent <> (ref & 4294967295) - 1;
CREATE INDEX message_fork ON message (ref >> 32, parent) WHERE parent <> (ref & 4294967295) - 1;
CREATE UNIQUE INDEX message_origin ON message (ref >> 32, origin_source, origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX message_trash ON message (trashed_at) WHERE trashed_at IS NOT NULL;

CREATE TABLE draft (
  ref INTEGER PRIMARY KEY REFERENCES message (ref) ON DELETE CASCADE,
  owner TEXT NOT NULL,
  lease_until INTEGER NOT NULL,
  length INTEGER NOT NULL,
  stop_requested INTEGER NOT NULL
) STRICT;

CREATE TABLE draft_chunk (
  ref INTEGER NOT NULL REFERENCES draft (ref) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  length INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (ref, at)
) STRICT, WITHOUT ROWID;

-- Every commit in order. ref is a message's ref, a session's key << 32, or a project's key negated.
CREATE TABLE change (
  seq INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  ref INTEGER NOT NULL,
  detail BLOB                       -- JSON with the ids of what was purged
) STRICT;

CREATE TABLE checkpoint (
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  session_key INTEGER NOT NULL REFERENCES session (key) ON DELETE CASCADE,
  kind INTEGER NOT NULL,
  from_position INTEGER NOT NULL,
  through_position INTEGER NOT NULL,
  summary TEXT NOT NULL,
  level INTEGER NOT NULL,
  number INTEGER NOT NULL,
  token_count INTEGER NOT NULL,
  model TEXT,
  replaces TEXT,                    -- JSON array of ids; NULL for none
  created_at INTEGER NOT NULL,
  reverted_at INTEGER,
  front INTEGER NOT NULL,           -- 1 where it is not reverted, and no other such one replaces it
  guard BLOB NOT NULL,
  UNIQUE (session_key, number)
) STRICT;
CREATE INDEX checkpoint_front ON checkpoint (session_key, number) WHERE front = 1;

CREATE TABLE snapshot (
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  session_key INTEGER NOT NULL REFERENCES session (key) ON DELETE CASCADE,
  name TEXT NOT NULL,
  purpose INTEGER NOT NULL,
  head INTEGER NOT NULL,
  checkpoints TEXT NOT NULL,        -- JSON array of ids
  settings BLOB NOT NULL,
  token_count INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  guard BLOB NOT NULL
) STRICT;
CREATE INDEX snapshot_session ON snapshot (session_key, created_at);

CREATE TABLE preference (
  actor TEXT NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,              -- JSON
  guard BLOB NOT NULL,
  PRIMARY KEY (actor, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE file (
  key INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,      -- SHA-256
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE file_chunk (
  file_key INTEGER NOT NULL REFERENCES file (key) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (file_key, number)
) STRICT;

CREATE TABLE file_holder (
  file_key INTEGER NOT NULL REFERENCES file (key) ON DELETE CASCADE,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (file_key, actor)
) STRICT, WITHOUT ROWID;

CREATE TABLE message_file (
  ref INTEGER NOT NULL REFERENCES message (ref) ON DELETE CASCADE,
  file_key INTEGER NOT NULL REFERENCES file (key),
  PRIMARY KEY (ref, file_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_file_file ON message_file (file_key);

-- Contentless: its rowid is change.seq. It follows the changes up to store.indexed_through.
-- A place in the first column takes two bytes less than one in any other: that is where nearly all words are.
CREATE VIRTUAL TABLE text_index USING fts5 (
  body, title, tool, code,
  content='', columnsize=0, tokenize="unicode61 remove_diacritics 2"
);
INSERT INTO text_index (text_index, rank) VALUES ('secure-delete', 1);

-- Words of every 16th change: how common a beginning is, and which words to look for in place of a short one.
CREATE TABLE word (
  word TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
