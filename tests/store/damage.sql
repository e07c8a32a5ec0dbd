-- Damage to plant into a database made by `fill`; each statement changes at least one row.

-- a changed text
UPDATE message SET body = 'forged' WHERE ref = (SELECT min(ref) + 1 FROM message);

-- changed parts
UPDATE message SET body = x'5b5d' WHERE typeof(body) = 'blob';

-- parts that are no JSON
UPDATE message SET body = x'00ff' WHERE typeof(body) = 'blob';

-- a lost text
UPDATE message SET body = NULL WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a changed role
UPDATE message SET role = 1 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a role that does not exist
UPDATE message SET role = 77 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a changed status
UPDATE message SET status = 3 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a changed date
UPDATE message SET created_at = created_at + 1 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a date beyond all calendars
UPDATE message SET created_at = 9223372036854775807 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a changed model
UPDATE message SET model = 'forged' WHERE model IS NOT NULL;

-- a changed usage
UPDATE message SET usage = '{"outputTokens":9999}' WHERE usage IS NOT NULL;

-- a changed error
UPDATE message SET error = 'forged' WHERE error IS NOT NULL;

-- changed metadata
UPDATE message SET metadata = '{"a":2}' WHERE metadata IS NOT NULL;

-- a forged origin
UPDATE message SET origin_source = 'x', origin_id = 'y' WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a changed id
UPDATE message SET id = randomblob(16) WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a changed digest
UPDATE message SET digest = randomblob(17) WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a lost digest
UPDATE message SET digest = NULL WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a changed match key
UPDATE message SET match_key = randomblob(17) WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a message taken into the context
UPDATE message SET in_context = 1 WHERE in_context = 0;

-- a message put into the trash
UPDATE message SET trashed_at = 1 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a message out of the trash
UPDATE message SET trashed_at = NULL WHERE trashed_at IS NOT NULL AND purged_at IS NULL;

-- a message marked as purged
UPDATE message SET purged_at = 1 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a purged message unmarked
UPDATE message SET purged_at = NULL WHERE purged_at IS NOT NULL;

-- wrong tokens of a message
UPDATE message SET tokens = tokens + 1 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a parent that is not there
UPDATE message SET parent = 99 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a message below itself
UPDATE message SET parent = ref & 4294967295 WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a cycle
UPDATE message SET parent = 4 WHERE ref = (SELECT min(ref) FROM message);

-- another parent
UPDATE message SET parent = 1 WHERE ref = (SELECT min(ref) + 3 FROM message);

-- a lost message
DELETE FROM message WHERE ref = (SELECT min(ref) + 1 FROM message);

-- a lost last message
DELETE FROM message WHERE ref = (SELECT max(ref) FROM message);

-- a lost first message
DELETE FROM message WHERE ref = (SELECT min(ref) FROM message);

-- a moved message
UPDATE message SET ref = ref + 50 WHERE ref = (SELECT max(ref) FROM message);

-- a message of no session
UPDATE message SET ref = ref + (1 << 40) WHERE ref = (SELECT max(ref) FROM message);

-- a changed title
UPDATE session SET title = 'forged' WHERE title = 'Other';

-- a changed title source
UPDATE session SET title_source = 0 WHERE title = 'Other';

-- a changed model of a session
UPDATE session SET model = 'forged' WHERE model IS NOT NULL;

-- a pinned session
UPDATE session SET pinned = 1 WHERE title = 'Other';

-- forged tags
UPDATE session SET tags = '["z"]' WHERE tags IS NOT NULL;

-- a lost tag
DELETE FROM session_tag WHERE tag = 'x';

-- a tag too many
INSERT INTO session_tag SELECT project_key, 'z', state, updated_at, key FROM session LIMIT 1;

-- changed settings
UPDATE session_detail SET settings = x'7b7d';

-- lost settings
DELETE FROM session_detail;

-- a wrong message count
UPDATE session SET message_count = message_count + 1;

-- a wrong token count
UPDATE session SET token_count = token_count + 1;

-- a wrong compression count
UPDATE session SET compression_count = compression_count + 1;

-- a wrong last position
UPDATE session SET last_position = last_position + 1;

-- a head that is not there
UPDATE session SET head = 99 WHERE title = 'Other';

-- a head under another id
UPDATE session SET head_id = randomblob(16) WHERE title = 'Other';

-- a state that is not the session's
UPDATE session SET state = 3 WHERE title = 'Other';

-- a session in the trash
UPDATE session SET trashed_at = 1 WHERE title = 'Other';

-- a moved date of a session
UPDATE session SET updated_at = updated_at + 5 WHERE title = 'Other';

-- a session of no project
UPDATE session SET project_key = 4711 WHERE title = 'Other';

-- a lost session
DELETE FROM session WHERE title = 'Other';

-- a changed project
UPDATE project SET name = 'forged' WHERE name = 'Garden';

-- a project of another owner
UPDATE project SET owner_id = 'mallory' WHERE name = 'Garden';

-- a changed description
UPDATE project SET description = 'forged' WHERE name = 'Garden';

-- a lost project
DELETE FROM project WHERE name = 'Garden';

-- a changed summary
UPDATE checkpoint SET summary = 'forged' WHERE number = 1;

-- a checkpoint of no session
UPDATE checkpoint SET session_key = 4711 WHERE number = 1;

-- a checkpoint of no stretch
UPDATE checkpoint SET through_position = 99 WHERE number = 1;

-- a reverted checkpoint
UPDATE checkpoint SET reverted_at = 1 WHERE number = 1;

-- a checkpoint marked as replaced
UPDATE checkpoint SET front = 0 WHERE number = 2;

-- a checkpoint marked as in use
UPDATE checkpoint SET front = 1 WHERE number = 1;

-- a compression count below what is there
UPDATE session SET compression_count = 0 WHERE compression_count = 1;

-- a lost checkpoint
DELETE FROM checkpoint WHERE number = 1;

-- a changed snapshot
UPDATE snapshot SET name = 'forged';

-- a snapshot of no message
UPDATE snapshot SET head = 99;

-- a changed preference
UPDATE preference SET value = x'7b7d' WHERE name = 'colour';

-- a preference of another actor
UPDATE preference SET actor = 'mallory' WHERE name = 'colour';

-- a preference that is no JSON
UPDATE preference SET value = x'00ff' WHERE name = 'colour';

-- a preference's name that is no Unicode
UPDATE preference SET name = CAST(x'ff6d65' AS TEXT) WHERE name = 'colour';

-- changed content
UPDATE file_chunk SET data = zeroblob(length(data));

-- lost content
DELETE FROM file_chunk;

-- a wrong size
UPDATE file SET size = size + 1;

-- a lost file
DELETE FROM file;

-- a lost reference to a file
DELETE FROM message_file;

-- a reference to no file
INSERT INTO message_file SELECT ref, 4711 FROM message LIMIT 1;

-- a draft of no message
INSERT INTO draft VALUES (4711, 'x', 0, 0, 0);

-- a chunk of no draft
INSERT INTO draft_chunk VALUES (4711, 0, 1, x'00');

-- an index said to be further
UPDATE store SET indexed_through = indexed_through + 1000;

-- a lost change
DELETE FROM change WHERE seq = (SELECT max(seq) - 2 FROM change);

-- a date of a purged message
UPDATE message SET created_at = created_at + 1 WHERE purged_at IS NOT NULL;

-- a digest of a purged message
UPDATE message SET digest = randomblob(17) WHERE purged_at IS NOT NULL;

-- a text that is no Unicode
UPDATE message SET body = CAST(x'ff6d65' AS TEXT) WHERE ref = (SELECT min(ref) + 1 FROM message);

-- an error that is no Unicode
UPDATE message SET error = CAST(x'ff6d65' AS TEXT) WHERE error IS NOT NULL;

-- a title that is no Unicode
UPDATE session SET title = CAST(x'ff6d65' AS TEXT) WHERE title = 'Other';

-- a project's name that is no Unicode
UPDATE project SET name = CAST(x'ff6d65' AS TEXT) WHERE name = 'Garden';

-- a summary that is no Unicode
UPDATE checkpoint SET summary = CAST(x'ff6d65' AS TEXT) WHERE number = 1;

-- a snapshot's name that is no Unicode
UPDATE snapshot SET name = CAST(x'ff6d65' AS TEXT);

-- a tag that is no Unicode
UPDATE session_tag SET tag = CAST(x'ff6d65' AS TEXT) WHERE tag = 'x';

-- an account that was made an administrator
UPDATE account SET administrator = 1;

-- an account with another password
UPDATE account SET password = 'forged';

-- a provider's identity that leads to another account
UPDATE external_identity SET subject = '2';

-- a member with another role
UPDATE member SET role = 1;

-- a member who was put in
INSERT INTO member (project_key, actor, role, added_at, guard) SELECT project_key, 'eve', 1, added_at, guard FROM member;

-- an invitation that makes an administrator
UPDATE invitation SET administrator = 1;

-- a sign-in that does not end
UPDATE sign_in SET expires_at = expires_at * 2;

-- a token that may write
UPDATE api_token SET scope = 0, digest = randomblob(32);
