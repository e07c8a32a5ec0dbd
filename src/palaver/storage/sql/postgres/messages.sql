-- name: find_message_by_origin
SELECT {message_columns} FROM message m
WHERE m.ref >> 32 = :session AND hashtextextended(m.origin_source, 0) = hashtextextended(:source, 0)
AND hashtextextended(m.origin_id, 0) = hashtextextended(:origin, 0)
AND m.origin_source = :source AND m.origin_id = :origin

-- name: find_jump
SELECT max(m.ref) FROM message m
WHERE m.ref BETWEEN :low AND :high AND m.parent <> (m.ref & 4294967295) - 1

-- Each range ends where the one before it has its parent. Parents that do not lie before are damage and end it.
-- name: list_ranges
WITH RECURSIVE shown (low, high) AS (
  SELECT (SELECT max(m.ref) FROM message m
    WHERE m.ref BETWEEN :low AND :high AND m.parent <> (m.ref & 4294967295) - 1), :high
  UNION ALL
  SELECT (SELECT max(m.ref) FROM message m
    WHERE m.ref BETWEEN :low AND :low - 1 + p.parent AND m.parent <> (m.ref & 4294967295) - 1), :low - 1 + p.parent
  FROM shown JOIN message p ON p.ref = shown.low WHERE p.parent > 0 AND p.parent < (p.ref & 4294967295)
)
SELECT coalesce(shown.low, :low), shown.high FROM shown ORDER BY shown.high DESC

-- name: list_children
SELECT {message_columns} FROM message m WHERE m.ref = (:session << 32 | :parent) + 1 AND m.parent = :parent
UNION ALL
SELECT {message_columns} FROM message m
WHERE m.ref >> 32 = :session AND m.parent = :parent AND m.parent <> (m.ref & 4294967295) - 1
ORDER BY 1
