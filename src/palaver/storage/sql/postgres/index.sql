-- all: (system)

-- Whoever changes the index takes this lock first and keeps it to the commit: the indexer does not wait for those who write.
-- name: index_lock
SELECT pg_advisory_xact_lock(8097862976886616833)

-- name: index_watermark (everybody)
SELECT indexed_through, (SELECT coalesce(max(seq), 0) FROM change) FROM text_watermark

-- name: index_moved
UPDATE text_watermark SET indexed_through = :through

-- name: index_version_set
UPDATE text_watermark SET index_version = :version

-- What a search is narrowed to by the index itself, beside the words: a block of 1,024 and one of 65,536 changes, the
-- project, the role, whether there are calls and files.
-- name: index_marks
format('''b:%s'' ''B:%s'' ''p:%s'' ', c.seq >> 10, c.seq >> 16, s.project_key)
  || CASE WHEN m.ref IS NULL THEN '' ELSE format('''r:%s'' ', m.role) END
  || CASE WHEN {search_has_tool} THEN '''has:tool'' ' ELSE '' END
  || CASE WHEN EXISTS (SELECT 1 FROM message_file f WHERE f.ref = m.ref) THEN '''has:file'' ' ELSE '' END

-- name: index_rows
SELECT c.seq, u.chunk, c.ref, u.size, CAST({index_marks} || u.words AS tsvector) AS words
FROM unnest(:seqs, :chunks, :sizes, :vectors) u (seq, chunk, size, words)
JOIN change c ON c.seq = u.seq
LEFT JOIN message m ON m.ref = c.ref AND m.mark = c.seq
JOIN session s ON s.key = c.ref >> 32

-- name: index_add
INSERT INTO text_index (seq, chunk, ref, size, words) {index_rows}

-- name: index_remove
DELETE FROM text_index WHERE seq = :seq

-- name: index_empty
DELETE FROM text_index

-- The session has gone to another project.
-- name: index_move
UPDATE text_index t SET words = ts_delete(t.words, format('p:%s', :source)) || CAST(format('''p:%s''', :target) AS tsvector)
WHERE t.seq IN (
  SELECT m.mark FROM message m WHERE m.ref BETWEEN :session << 32 AND :session << 32 | 4294967295
  UNION SELECT s.title_mark FROM session s WHERE s.key = :session
)

-- How many rows between two places differ from those that are expected there.
-- name: index_differences
SELECT count(*) FROM ({index_rows}) e
FULL JOIN (SELECT t.seq, t.chunk, t.ref, t.size, t.words FROM text_index t
  WHERE (t.seq, t.chunk) > (:after, :after_chunk) AND (t.seq, t.chunk) <= (:last, :last_chunk)) t
ON t.seq = e.seq AND t.chunk = e.chunk
WHERE (t.ref, t.size, t.words) IS DISTINCT FROM (e.ref, e.size, e.words)

-- The projects in which anything can be found; a search in many is not narrowed to them.
-- name: index_projects (actor)
SELECT p.key FROM project p
WHERE {visible} AND (:projects IS NULL OR p.key IN (SELECT k.value::bigint FROM json_array_elements_text(:projects) k))
  AND (:sessions IS NULL OR p.key IN (SELECT s.project_key FROM session s
    WHERE s.key IN (SELECT k.value::bigint FROM json_array_elements_text(:sessions) k)))
ORDER BY p.key LIMIT :limit

-- :counts is a JSON object of words and how many documents more hold them.
-- name: word_add
INSERT INTO word (word, count) SELECT k.key, k.value::bigint FROM json_each_text(:counts) k
ON CONFLICT (word) DO UPDATE SET count = word.count + excluded.count

-- name: word_take
UPDATE word SET count = count - 1 WHERE word IN (SELECT k.value FROM json_array_elements_text(:words) k)

-- name: word_drop
DELETE FROM word WHERE count <= 0 AND word IN (SELECT k.value FROM json_array_elements_text(:words) k)
