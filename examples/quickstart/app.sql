-- An intranet as somebody wrote it years ago. headcount knows it only through targets.yaml.
-- People who were in it before headcount came were entered by hand.
PRAGMA foreign_keys = ON;

CREATE TABLE users (
    id             INTEGER PRIMARY KEY,
    login          TEXT NOT NULL COLLATE NOCASE UNIQUE,
    first_name     TEXT NOT NULL,
    last_name      TEXT NOT NULL,
    email          TEXT,
    job_title      TEXT,
    department     TEXT,
    manager_id     INTEGER REFERENCES users (id),
    staff_no       TEXT,
    external_ref   TEXT UNIQUE,
    password_hash  TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    deactivated_at TEXT
);

CREATE TABLE teams (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    external_ref TEXT UNIQUE,
    created_at   TEXT NOT NULL
);

CREATE TABLE team_members (
    team_id  INTEGER NOT NULL REFERENCES teams (id),
    user_id  INTEGER NOT NULL REFERENCES users (id),
    added_at TEXT NOT NULL,
    PRIMARY KEY (team_id, user_id)
);

INSERT INTO users (id, login, first_name, last_name, email, job_title, department, staff_no, password_hash, created_at, deactivated_at) VALUES
    -- made when the intranet was installed; nobody's record is behind it
    (1, 'admin', 'Site', 'Administrator', 'intranet@fernweh.example', NULL, NULL, NULL, 'x', '2014-01-02 08:00:00', NULL),
    -- the wrong title and no manager
    (2, 'ada.okafor', 'Ada', 'Okafor', 'ada.okafor@fernweh.example', 'Engineer', 'Engineering', '1002', 'x', '2014-09-01 09:00:00', NULL),
    -- a name without its accents
    (3, 'tomas.novak', 'Tomas', 'Novak', 'tomas.novak@fernweh.example', 'Staff Engineer', 'Engineering', '1007', 'x', '2017-04-03 09:00:00', NULL),
    -- another Maria Silva, gone long ago: the new one must not get her account
    (4, 'maria.silva', 'Maria', 'Silva', 'maria.silva@fernweh.example', 'Intern', 'Sales', '0417', 'x', '2015-06-01 09:00:00', '2015-12-31 18:00:00');

INSERT INTO teams (id, name, created_at) VALUES
    (1, 'Administrators', '2014-01-02 08:00:00'),
    (2, 'Engineering', '2014-01-02 08:00:00');

INSERT INTO team_members (team_id, user_id, added_at) VALUES
    (1, 1, '2014-01-02 08:00:00'),
    (2, 2, '2014-09-01 09:00:00'),
    (2, 3, '2017-04-03 09:00:00');
