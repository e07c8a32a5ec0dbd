-- name: project_columns
p.key, p.id, p.name, p.description, p.owner_id, p.personal, p.created_at, p.updated_at, p.trashed_at, p.guard

-- name: find_project
SELECT {project_columns}, {role} FROM project p WHERE p.id = :id AND {visible}

-- name: find_project_role
SELECT {role} FROM project p WHERE p.id = :id AND {visible}

-- name: find_project_by_key
SELECT {project_columns} FROM project p WHERE p.key = :project

-- name: find_personal_project
SELECT {project_columns} FROM project p WHERE p.owner_id = :actor AND p.personal = 1

-- name: project_exists (everybody)
SELECT 1 FROM project WHERE id = :id

-- name: list_projects
SELECT {project_columns} FROM project p
WHERE {visible} AND (p.trashed_at IS NOT NULL) = :trashed AND (p.name, p.id) > (:name, :id)
ORDER BY p.name, p.id LIMIT :limit

-- name: list_visible_projects
SELECT p.key, p.id, {role} FROM project p WHERE {visible} ORDER BY p.key

-- name: insert_project
INSERT INTO project (id, name, description, owner_id, personal, created_at, updated_at, trashed_at, guard)
VALUES (:id, :name, :description, :actor, :personal, :created_at, :updated_at, :trashed_at, :guard)
ON CONFLICT DO NOTHING RETURNING key

-- name: update_project (owner)
UPDATE project SET name = :name, description = :description, personal = :personal, updated_at = :updated_at,
  trashed_at = :trashed_at, guard = :guard
WHERE key = :project

-- name: delete_project (owner)
DELETE FROM project WHERE key = :project

-- name: list_project_sessions
SELECT s.id FROM session s WHERE s.project_key = :project ORDER BY s.key

-- name: list_sessions_trashed_with_project
SELECT s.id FROM session s WHERE s.project_key = :project AND s.state = 3 AND s.trashed_with = 1 ORDER BY s.key

-- name: list_sessions_not_trashed
SELECT s.id FROM session s WHERE s.project_key = :project AND s.state < 3 ORDER BY s.key

-- name: list_old_trashed_projects
SELECT p.id FROM project p WHERE {owned} AND p.trashed_at IS NOT NULL AND p.trashed_at <= :before ORDER BY p.key
