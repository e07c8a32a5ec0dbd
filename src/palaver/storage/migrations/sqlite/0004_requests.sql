-- Requests that are done once, however often they are sent: what came of them, for a day.
CREATE TABLE request (
  actor TEXT NOT NULL,
  request_key TEXT NOT NULL,        -- as the one who asks chose it
  digest BLOB NOT NULL,             -- of what was asked
  made_id BLOB NOT NULL,            -- the id of what it makes, should it have to be begun again
  status INTEGER,                   -- NULL while it is under way
  headers TEXT,                     -- JSON
  answer BLOB,                      -- NULL where it was to be seen once only
  begun_at INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  PRIMARY KEY (actor, request_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_age ON request (begun_at);
