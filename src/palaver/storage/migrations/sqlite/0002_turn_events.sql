-- What runs in a session: while a turn has not ended, no other begins there. One that has ended is kept for a while, so
-- that whoever reads its events from another process comes to their end.
CREATE TABLE turn (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  session_key INTEGER NOT NULL REFERENCES session (key) ON DELETE CASCADE,
  id BLOB NOT NULL,                 -- of the question; of a summary that a person asked for, its own
  kind INTEGER NOT NULL,            -- 0 an answer, 1 a summary
  actor TEXT NOT NULL,
  owner TEXT NOT NULL,
  lease_until INTEGER NOT NULL,
  stop_requested INTEGER NOT NULL,
  answers BLOB NOT NULL,            -- the ids of its answers one behind the other, 16 bytes each
  begun_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX turn_running ON turn (session_key) WHERE ended_at IS NULL;
CREATE INDEX turn_session ON turn (session_key, key);
CREATE INDEX turn_ended ON turn (ended_at) WHERE ended_at IS NOT NULL;

-- What of a turn stands in no message: warnings, summaries, what a person is asked and has chosen.
CREATE TABLE turn_event (
  turn_key INTEGER NOT NULL REFERENCES turn (key) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  id TEXT NOT NULL,
  data BLOB NOT NULL,               -- JSON
  request_id TEXT,                  -- it waits for one of the choices
  choices TEXT,                     -- JSON array
  choice TEXT,
  PRIMARY KEY (turn_key, number)
) STRICT, WITHOUT ROWID;
