-- An intranet as somebody wrote it years ago, and who was in it before headcount came.
PRAGMA foreign_keys = ON;

CREATE TABLE users (
    id             INTEGER PRIMARY KEY,
    login          TEXT NOT NULL COLLATE NOCASE UNIQUE,
    name           TEXT NOT NULL,
    email          TEXT,
    job_title      TEXT,
    department     TEXT,
    manager_id     INTEGER REFERENCES users (id),
    staff_no       TEXT,
    language       TEXT,
    external_ref   TEXT UNIQUE,
    password_hash  TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    deactivated_at TEXT
);

CREATE TABLE teams (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    external_ref TEXT UNIQUE
);

CREATE TABLE team_members (
    team_id INTEGER NOT NULL REFERENCES teams (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (team_id, user_id)
);

CREATE TABLE team_leads (
    team_id INTEGER NOT NULL REFERENCES teams (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (team_id, user_id)
);

CREATE TABLE perks (
    user_id       INTEGER NOT NULL REFERENCES users (id),
    perk          TEXT NOT NULL,
    monthly_limit INTEGER,
    currency      TEXT,
    seat          TEXT,
    given_at      TEXT NOT NULL,
    PRIMARY KEY (user_id, perk)
);

CREATE TABLE sessions (
    token   TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id)
);

INSERT INTO users (id, login, name, email, job_title, department, staff_no, language, password_hash, created_at) VALUES
    (1, 'admin', 'Site Administrator', 'intranet@acme.example', NULL, NULL, NULL, NULL, 'x', '2012-01-02 08:00:00'),
    -- an old title, no manager; the language is her own choice
    (2, 'sofia.rossi', 'Sofia Rossi', 'sofia.rossi@acme.example', 'Working Student', 'Platform', '1009', 'it', 'x', '2018-05-14 09:00:00'),
    -- a name without its accents
    (3, 'tomas.novak', 'Tomas Novak', 'tomas.novak@acme.example', 'Head of Design', 'Design', '1004', 'en', 'x', '2015-03-16 09:00:00'),
    -- somebody's own account for a trial, with no record behind it
    (4, 'trial', 'Trial Account', NULL, NULL, NULL, NULL, 'en', 'x', '2024-02-01 09:00:00');

INSERT INTO teams (id, name) VALUES (1, 'Administrators'), (2, 'Product & Engineering');
INSERT INTO team_members (team_id, user_id) VALUES (1, 1), (2, 2), (2, 3);
