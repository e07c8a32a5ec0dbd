-- Of each 1,024 changes that are in the text index: when what they put into it was said, and of what kinds it is. A search
-- that is narrowed to a time or a kind passes over the others. What is taken out of the index leaves it as it is.
CREATE TABLE text_block (
  block INTEGER PRIMARY KEY,            -- change.seq >> 10
  oldest INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  kinds INTEGER NOT NULL                -- a bit for each role that comes up; 256 for calls or results, 512 for files
) STRICT;
INSERT INTO text_block (block, oldest, newest, kinds)
SELECT c.seq >> 10, min(coalesce(m.created_at, s.created_at)), max(coalesce(m.created_at, s.created_at)),
  coalesce(sum(DISTINCT 1 << m.role), 0) + 256 * max(CASE WHEN typeof(m.body) = 'blob' AND instr(m.body, CAST('"type":"tool_' AS BLOB)) THEN 1 ELSE 0 END)
  + 512 * max(CASE WHEN EXISTS (SELECT 1 FROM message_file f WHERE f.ref = m.ref) THEN 1 ELSE 0 END)
FROM change c
LEFT JOIN message m ON m.ref = c.ref AND m.mark = c.seq
JOIN session s ON s.key = c.ref >> 32
WHERE c.seq <= (SELECT indexed_through FROM store) AND (m.ref IS NOT NULL OR c.ref & 4294967295 = 0 AND s.title_mark = c.seq)
GROUP BY c.seq >> 10;
