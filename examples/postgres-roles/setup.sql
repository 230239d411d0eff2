-- What an administrator does once: an account for headcount, which may make roles and end their sessions, and nothing else.
CREATE ROLE headcount_sync LOGIN CREATEROLE PASSWORD 'change me';
GRANT pg_signal_backend TO headcount_sync;
