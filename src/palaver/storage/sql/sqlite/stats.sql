-- name: index_size (everybody)
SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name LIKE 'text_index%' OR name = 'word'
