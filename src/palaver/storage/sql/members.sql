-- Of a project `p`: 0 viewer, 1 editor, 2 owner; NULL for who is none of them.
-- name: role
CASE WHEN p.owner_id = :actor OR :actor = 'system' THEN 2
  ELSE (SELECT g.role FROM member g WHERE g.project_key = p.key AND g.actor = :actor) END

-- name: visible
(p.owner_id = :actor OR :actor = 'system'
  OR EXISTS (SELECT 1 FROM member g WHERE g.project_key = p.key AND g.actor = :actor))

-- name: editable
(p.owner_id = :actor OR :actor = 'system'
  OR EXISTS (SELECT 1 FROM member g WHERE g.project_key = p.key AND g.actor = :actor AND g.role >= 1))

-- name: owned
(p.owner_id = :actor OR :actor = 'system')

-- name: member_columns
g.project_key, g.actor, g.role, g.added_at, g.guard

-- name: list_members
SELECT {member_columns}, a.email, a.name FROM member g
JOIN project p ON p.key = g.project_key LEFT JOIN account a ON a.id = g.actor
WHERE g.project_key = :project AND {visible} ORDER BY a.name, g.actor

-- name: find_owner
SELECT p.owner_id, p.created_at, a.email, a.name FROM project p LEFT JOIN account a ON a.id = p.owner_id
WHERE p.key = :project AND {visible}

-- name: find_member
SELECT {member_columns}, a.email, a.name FROM member g
JOIN project p ON p.key = g.project_key LEFT JOIN account a ON a.id = g.actor
WHERE g.project_key = :project AND g.actor = :member AND {visible}

-- name: put_member (owner)
INSERT INTO member (project_key, actor, role, added_at, guard)
VALUES (:project, :member, :role, :added_at, :guard)
ON CONFLICT (project_key, actor) DO UPDATE SET role = excluded.role, guard = excluded.guard

-- name: delete_member (owner)
DELETE FROM member WHERE project_key = :project AND actor = :member

-- name: leave_project (viewer)
DELETE FROM member WHERE project_key = :project AND actor = :actor

-- name: list_project_actors
SELECT g.actor FROM member g WHERE g.project_key = :project ORDER BY g.actor

-- name: set_project_owner (owner)
UPDATE project SET owner_id = :owner, updated_at = :updated_at, guard = :guard WHERE key = :project
