-- name: told
(:actor = 'system' OR strpos(c.detail::text, :told) > 0)
