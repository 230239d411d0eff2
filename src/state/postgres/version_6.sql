-- Version 6: a key for each person, under which the journal says what it says of them.
CREATE TABLE subjects (
    workspace text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, wrapped_by text NOT NULL, key text NOT NULL, whom text NOT NULL,
    at text NOT NULL, PRIMARY KEY (workspace, id)
);
