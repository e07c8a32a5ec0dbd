-- JSON has no equality of its own; these are compared as they were written.
-- name: find_snapshot_of
SELECT 1 FROM snapshot n WHERE n.session_key = :session AND n.head = :head AND n.checkpoints = :checkpoints
AND n.settings::text = :settings::text LIMIT 1
