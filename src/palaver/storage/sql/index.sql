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
