-- Takes the lease on an invocation and reads variables.
--
-- KEYS  the invocation's record; what is there if its run was cancelled; the record
--       of its run; bundles
-- ARGV  see lease.lua

return begin(KEYS[1], KEYS[2], KEYS[3], 1, #ARGV)
