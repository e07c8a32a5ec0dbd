-- Requests that are done once, however often they are sent: what came of them, for a day.
CREATE TABLE request (
  actor text COLLATE "C" NOT NULL,
  request_key text COLLATE "C" NOT NULL, -- as the one who asks chose it
  digest bytea NOT NULL,            -- of what was asked
  made_id bytea NOT NULL,           -- the id of what it makes, should it have to be begun again
  status integer,                   -- NULL while it is under way
  headers text COLLATE "C",         -- JSON
  answer bytea,                     -- NULL where it was to be seen once only
  begun_at bigint NOT NULL,
  lease_until bigint NOT NULL,
  PRIMARY KEY (actor, request_key)
);
CREATE INDEX request_age ON request (begun_at);
