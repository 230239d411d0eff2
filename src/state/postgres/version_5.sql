-- The tables as of version 5: those of SQLite, each with the workspace in front, and what many writers need.
-- Text is compared byte by byte, as SQLite does it: ranges of keys and the order of rows are the same.

-- One row a workspace. Whoever writes locks it first, so that the journal's lines have one order.
CREATE TABLE workspaces (
    id text COLLATE "C" PRIMARY KEY,
    generation bigint NOT NULL,         -- how often it was written to
    seq bigint NOT NULL,                -- the journal's last line
    hash bytea NOT NULL,
    revocations bigint NOT NULL         -- grows with every change of who is cut off
);
-- One row a workspace. The epoch grows with every holder; a sign of life changes nothing that is in an index of ours, so that it is not held up by the
-- transactions of its own run, which keep the epoch as it is until they end.
CREATE TABLE leases (
    workspace text COLLATE "C" PRIMARY KEY,
    epoch bigint NOT NULL,
    run text NOT NULL,                  -- the holder's name
    holder text NOT NULL,               -- who that is, in JSON
    beat bigint NOT NULL,               -- signs of life so far
    renewed timestamptz NOT NULL,       -- for people alone: nobody's clock decides
    ttl interval NOT NULL,
    released boolean NOT NULL,
    taken_away boolean NOT NULL,        -- by somebody else, so that its holder may still be at work
    UNIQUE (workspace, epoch)
);
-- Revocations that are under way. What gives no sign of life is over; the server's clock alone is asked.
CREATE TABLE beside (
    workspace text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, until timestamptz NOT NULL, PRIMARY KEY (workspace, name)
);
CREATE TABLE meta (workspace text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, value text NOT NULL, PRIMARY KEY (workspace, name));
CREATE TABLE links (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL, origin text NOT NULL, system bigint NOT NULL, name text, at text NOT NULL,
    PRIMARY KEY (workspace, target, kind, key)
);
CREATE UNIQUE INDEX links_by_id ON links (workspace, target, kind, system, id) WHERE kind <> 'entitlement';
CREATE INDEX links_by_account ON links (workspace, target, id);
CREATE TABLE formers (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL, at text NOT NULL, PRIMARY KEY (workspace, target, kind, id, key)
);
CREATE TABLE records (
    workspace text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL, record text COLLATE "C" NOT NULL, identity text COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, source, record)
);
CREATE INDEX records_by_identity ON records (workspace, source, identity);
CREATE TABLE deactivations (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
    at text NOT NULL, PRIMARY KEY (workspace, target, kind, id)
);
CREATE TABLE resting (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, at text NOT NULL,
    PRIMARY KEY (workspace, target, key)
);
CREATE TABLE unheard (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, guardrail text NOT NULL,
    at text COLLATE "C" NOT NULL, PRIMARY KEY (workspace, target, key)
);
CREATE TABLE departed (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, attribute text COLLATE "C" NOT NULL, value text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL, gone bigint NOT NULL, at text NOT NULL, PRIMARY KEY (workspace, target, attribute, value, key)
);
CREATE TABLE written (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
    prints bytea NOT NULL, PRIMARY KEY (workspace, target, kind, id)
);
CREATE TABLE repeats (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
    attribute text COLLATE "C" NOT NULL, wrote bigint NOT NULL, found bigint NOT NULL, at text NOT NULL,
    PRIMARY KEY (workspace, target, kind, id, attribute)
);
CREATE TABLE baselines (
    workspace text COLLATE "C" NOT NULL, system text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, scope bigint NOT NULL,
    count bigint NOT NULL, filled text NOT NULL, at text NOT NULL, statuses text NOT NULL, PRIMARY KEY (workspace, system, kind)
);
CREATE TABLE windows (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, guardrail text COLLATE "C" NOT NULL, minute bigint NOT NULL,
    weight bigint NOT NULL, at text NOT NULL, PRIMARY KEY (workspace, minute, target, guardrail)
);
CREATE TABLE revocations (
    workspace text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, reason text NOT NULL, at text NOT NULL, until text,
    PRIMARY KEY (workspace, key)
);
CREATE TABLE revoked_as (
    workspace text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, identity text COLLATE "C" NOT NULL, PRIMARY KEY (workspace, key)
);
CREATE TABLE receipts (
    workspace text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, outcome text NOT NULL, message text,
    tries bigint NOT NULL, at text NOT NULL, PRIMARY KEY (workspace, key, target)
);
CREATE TABLE cut_off (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL, PRIMARY KEY (workspace, target, kind, id)
);
CREATE TABLE left_behind (
    workspace text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, what text COLLATE "C" NOT NULL, of bigint NOT NULL,
    print bigint NOT NULL, PRIMARY KEY (workspace, target, what, of, print)
);
CREATE TABLE shelves (
    workspace text COLLATE "C" NOT NULL, shelf text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, body text NOT NULL,
    PRIMARY KEY (workspace, shelf, name)
);
CREATE TABLE journal (
    workspace text COLLATE "C" NOT NULL, seq bigint NOT NULL, run text COLLATE "C" NOT NULL, event text COLLATE "C" NOT NULL, change bigint,
    body text NOT NULL, hash bytea NOT NULL, PRIMARY KEY (workspace, seq)
);
CREATE INDEX journal_by_event ON journal (workspace, event, run, change);
CREATE INDEX journal_by_run ON journal (workspace, run);
