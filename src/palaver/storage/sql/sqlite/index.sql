-- all: (system)

-- name: index_add
INSERT INTO text_index (rowid, body, title, tool, code) VALUES (:seq, :body, :title, :tool, :code)

-- name: index_remove
INSERT INTO text_index (text_index, rowid, body, title, tool, code)
VALUES ('delete', :seq, :body, :title, :tool, :code)

-- name: index_empty
INSERT INTO text_index (text_index) VALUES ('delete-all')

-- name: index_optimize
INSERT INTO text_index (text_index) VALUES ('optimize')

-- What the pages of the index are found by: each the shortest beginning that tells a page's first word from the one before.
-- name: index_separators
SELECT substr(term, 2) FROM text_index_idx WHERE length(term) > :least ORDER BY term

-- name: index_terms_open (everybody)
CREATE VIRTUAL TABLE IF NOT EXISTS temp.text_term USING fts5vocab(main, text_index, row)

-- name: index_has_beginning (everybody)
SELECT 1 FROM temp.text_term WHERE term >= :low AND term < :high LIMIT 1

-- name: unindexed_open
CREATE TEMP TABLE IF NOT EXISTS unindexed (word TEXT PRIMARY KEY) WITHOUT ROWID

-- name: unindexed_add
INSERT INTO temp.unindexed (word) SELECT value FROM json_each(:words) WHERE true ON CONFLICT (word) DO NOTHING

-- name: unindexed_list
SELECT word FROM temp.unindexed ORDER BY word

-- name: unindexed_clear
DELETE FROM temp.unindexed

-- Finding anything takes the tokenizer that the schema names; no other query does.
-- name: index_tokenizer
SELECT rowid FROM text_index WHERE text_index MATCH '"a"' LIMIT 1

-- name: index_integrity
PRAGMA integrity_check(text_index)

-- name: index_instances_open
CREATE VIRTUAL TABLE temp.text_instance USING fts5vocab(main, text_index, instance)

-- name: index_instances_close
DROP TABLE temp.text_instance

-- For each word a sum over every place it stands at; `index.py` makes the same from the texts.
-- name: index_sums
SELECT term, sum(at * at & 4294967295) FROM (
  SELECT term, (doc * 40503 + offset * 65599 + instr('body title tool code', col) * 1000003) & 2147483647 AS at
  FROM temp.text_instance
) GROUP BY term

-- :counts is a JSON object of words and how many documents more hold them.
-- name: word_add
INSERT INTO word (word, count) SELECT key, value FROM json_each(:counts) WHERE true
ON CONFLICT (word) DO UPDATE SET count = count + excluded.count

-- name: word_take
UPDATE word SET count = count - 1 WHERE word IN (SELECT value FROM json_each(:words))

-- name: word_drop
DELETE FROM word WHERE count <= 0 AND word IN (SELECT value FROM json_each(:words))
