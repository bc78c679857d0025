-- Takes the lease on an invocation and reads variables.
--
-- KEYS  the invocation's record; what is there if its run was cancelled; bundles
-- ARGV  see lease.lua

return begin(KEYS[1], KEYS[2], 1, #ARGV)
