-- name: find_preference
SELECT f.value FROM preference f WHERE f.actor = :actor AND f.name = :name

-- name: list_preferences
SELECT f.name, f.value FROM preference f
WHERE f.actor = :actor AND substr(f.name, 1, length(:prefix)) = :prefix ORDER BY f.name

-- name: put_preference
INSERT INTO preference (actor, name, value, guard) VALUES (:actor, :name, :value, :guard)
ON CONFLICT (actor, name) DO UPDATE SET value = excluded.value, guard = excluded.guard

-- name: delete_preference
DELETE FROM preference WHERE actor = :actor AND name = :name
