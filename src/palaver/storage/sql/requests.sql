-- Requests that are done once. All of them are one actor's but for what is forgotten by age.

-- name: find_request
SELECT r.digest, r.made_id, r.status, r.headers, r.answer, r.lease_until FROM request r
WHERE r.actor = :actor AND r.request_key = :request_key

-- name: put_request
INSERT INTO request (actor, request_key, digest, made_id, status, headers, answer, begun_at, lease_until)
VALUES (:actor, :request_key, :digest, :made_id, NULL, NULL, NULL, :now, :lease_until)
ON CONFLICT (actor, request_key) DO UPDATE SET lease_until = excluded.lease_until

-- name: finish_request
UPDATE request SET status = :status, headers = :headers, answer = :answer WHERE actor = :actor AND request_key = :request_key

-- name: release_request
UPDATE request SET lease_until = 0 WHERE actor = :actor AND request_key = :request_key

-- name: delete_request
DELETE FROM request WHERE actor = :actor AND request_key = :request_key

-- name: delete_old_requests (system)
DELETE FROM request WHERE begun_at < :before
