-- name: turn_columns
t.key, t.session_key, t.id, t.kind, t.actor, t.owner, t.lease_until, t.stop_requested, t.answers, t.begun_at,
t.ended_at

-- name: insert_turn
INSERT INTO turn (session_key, id, kind, actor, owner, lease_until, stop_requested, answers, begun_at, ended_at)
VALUES (:session, :id, :kind, :actor, :owner, :lease_until, 0, :answers, :now, NULL)

-- name: find_running_turn
SELECT {turn_columns} FROM turn t WHERE t.session_key = :session AND t.ended_at IS NULL

-- name: list_turns
SELECT {turn_columns} FROM turn t WHERE t.session_key = :session ORDER BY t.key DESC

-- name: list_running_turns
SELECT {turn_columns}, {role} FROM turn t JOIN session s ON s.key = t.session_key JOIN project p ON p.key = s.project_key
WHERE t.ended_at IS NULL AND {editable} ORDER BY t.key

-- name: renew_turn
UPDATE turn SET lease_until = :lease_until WHERE key = :key AND session_key = :session

-- name: stop_turn
UPDATE turn SET stop_requested = 1 WHERE key = :key AND session_key = :session

-- name: set_turn_answers
UPDATE turn SET answers = :answers WHERE key = :key AND session_key = :session

-- name: end_turn
UPDATE turn SET ended_at = :now WHERE key = :key AND session_key = :session

-- name: list_old_turns (system)
SELECT t.key, t.session_key FROM turn t WHERE t.ended_at < :before ORDER BY t.ended_at, t.key LIMIT :limit

-- name: delete_turn (system)
DELETE FROM turn WHERE key = :key AND session_key = :session

-- name: delete_session_turns
DELETE FROM turn WHERE session_key = :session

-- name: delete_session_turn_events
DELETE FROM turn_event WHERE turn_key IN (SELECT t.key FROM turn t WHERE t.session_key = :session)

-- name: delete_turn_events (system)
DELETE FROM turn_event WHERE turn_key = (SELECT t.key FROM turn t WHERE t.key = :turn AND t.session_key = :session)

-- name: insert_turn_event
INSERT INTO turn_event (turn_key, number, id, data, request_id, choices, choice)
VALUES ((SELECT t.key FROM turn t WHERE t.key = :turn AND t.session_key = :session), :number, :id, :data, :request_id, :choices, NULL) ON CONFLICT DO NOTHING

-- name: list_turn_events
SELECT e.number, e.id, e.data, e.request_id, e.choices, e.choice FROM turn_event e
WHERE e.turn_key = (SELECT t.key FROM turn t WHERE t.key = :turn AND t.session_key = :session) ORDER BY e.number

-- name: find_turn_request
SELECT e.number, e.choices, e.choice FROM turn_event e WHERE e.turn_key = (SELECT t.key FROM turn t WHERE t.key = :turn AND t.session_key = :session) AND e.request_id = :request

-- name: set_turn_choice
UPDATE turn_event SET choice = :choice WHERE turn_key = (SELECT t.key FROM turn t WHERE t.key = :turn AND t.session_key = :session) AND number = :number
