-- What all tables take with their indexes, and of that the text index.
-- name: sizes (everybody)
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0),
  coalesce(sum(pg_total_relation_size(c.oid)) FILTER (WHERE c.relname IN ('text_block', 'text_index', 'text_watermark', 'word')), 0)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'palaver' AND c.relkind = 'r'
