-- Words without whose they are: searches count with them. What writes is the database's own work.
-- all: (system)

-- name: index_watermark (everybody)
SELECT indexed_through, (SELECT coalesce(max(seq), 0) FROM change) FROM store

-- name: index_moved
UPDATE store SET indexed_through = :through

-- name: index_version_set
UPDATE store SET index_version = :version

-- A change puts into the index what names it as its mark: a message's text or a session's title.
-- name: index_changes
SELECT c.seq, m.body, s.title FROM change c
LEFT JOIN message m ON m.ref = c.ref AND m.mark = c.seq
LEFT JOIN session s ON s.key = c.ref >> 32 AND c.ref & 4294967295 = 0 AND s.title_mark = c.seq
WHERE c.seq > :after AND c.seq <= :through ORDER BY c.seq LIMIT :limit

-- name: word_empty
DELETE FROM word

-- name: word_list
SELECT word, count FROM word

-- name: word_count (everybody)
SELECT coalesce(sum(count), 0) FROM word WHERE word = :word

-- name: word_count_beginning (everybody)
SELECT coalesce(sum(count), 0) FROM word WHERE word >= :low AND word < :high

-- name: word_most_frequent (everybody)
SELECT word FROM word WHERE word >= :low AND word < :high ORDER BY count DESC, word LIMIT :limit

-- What changes put into the index, by blocks of 1,024: when it was said, and of what kinds it is.
-- name: block_rows
SELECT c.seq >> 10 AS block, min(coalesce(m.created_at, s.created_at)) AS oldest,
  max(coalesce(m.created_at, s.created_at)) AS newest,
  coalesce(sum(DISTINCT 1 << m.role), 0) + 256 * max(CASE WHEN {search_has_tool} THEN 1 ELSE 0 END)
  + 512 * max(CASE WHEN EXISTS (SELECT 1 FROM message_file f WHERE f.ref = m.ref) THEN 1 ELSE 0 END) AS kinds
FROM change c
LEFT JOIN message m ON m.ref = c.ref AND m.mark = c.seq
JOIN session s ON s.key = c.ref >> 32
WHERE c.seq > :after AND c.seq <= :through AND {search_is_text}
GROUP BY c.seq >> 10

-- name: block_add
INSERT INTO text_block (block, oldest, newest, kinds) {block_rows}
ON CONFLICT (block) DO UPDATE SET
  oldest = CASE WHEN excluded.oldest < text_block.oldest THEN excluded.oldest ELSE text_block.oldest END,
  newest = CASE WHEN excluded.newest > text_block.newest THEN excluded.newest ELSE text_block.newest END,
  kinds = text_block.kinds | excluded.kinds

-- name: block_empty
DELETE FROM text_block

-- Blocks that say less than is in them.
-- name: block_differences
SELECT count(*) FROM ({block_rows}) e LEFT JOIN text_block b ON b.block = e.block
WHERE b.block IS NULL OR b.oldest > e.oldest OR b.newest < e.newest OR b.kinds & e.kinds <> e.kinds

-- name: block_list (everybody)
SELECT b.block FROM text_block b
WHERE b.block <= :high AND (:before IS NULL OR b.oldest < :before) AND (:after IS NULL OR b.newest > :after)
  AND b.kinds & :all_kinds = :all_kinds AND (:any_kinds = 0 OR b.kinds & :any_kinds <> 0)
ORDER BY b.block DESC
