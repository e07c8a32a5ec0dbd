-- Requests that are done once. All of them are one actor's but for what is forgotten by age.

-- name: find_request
SELECT r.digest, r.made_id, r.status, r.headers, r.body, r.lease_until FROM request r
WHERE r.actor = :actor AND r.key = :key

-- name: put_request
INSERT INTO request (actor, key, digest, made_id, status, headers, body, begun_at, lease_until)
VALUES (:actor, :key, :digest, :made_id, NULL, NULL, NULL, :now, :lease_until)
ON CONFLICT (actor, key) DO UPDATE SET lease_until = excluded.lease_until

-- name: finish_request
UPDATE request SET status = :status, headers = :headers, body = :body WHERE actor = :actor AND key = :key

-- name: release_request
UPDATE request SET lease_until = 0 WHERE actor = :actor AND key = :key

-- name: delete_request
DELETE FROM request WHERE actor = :actor AND key = :key

-- name: delete_old_requests
DELETE FROM request WHERE begun_at < :before
