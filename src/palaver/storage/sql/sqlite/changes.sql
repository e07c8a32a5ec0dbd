-- name: told
(:actor = 'system' OR instr(CAST(c.detail AS TEXT), :told) > 0)
