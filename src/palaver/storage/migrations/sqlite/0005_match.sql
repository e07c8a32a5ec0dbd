-- By what a history that comes in from outside is recognised: where it ends with a question or with a result. An answer
-- is found below these, so no index needs to hold it.
CREATE INDEX message_match ON message (match_key, ref) WHERE role IN (1, 3);
