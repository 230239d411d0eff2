-- An intranet as somebody wrote it years ago. headcount knows it only through targets.yaml.
-- Some of the staff are in it already, and not everything is right: see README.md.
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

INSERT INTO users (id, login, first_name, last_name, email, job_title, department, manager_id, staff_no, external_ref, password_hash, created_at, deactivated_at) VALUES
    -- made by hand when the intranet was installed; nobody's record is behind it
    (1, 'admin', 'Site', 'Administrator', 'intranet@fernweh.example', NULL, NULL, NULL, NULL, NULL, 'x', '2014-01-02 08:00:00', NULL),
    -- right in everything
    (2, 'ingrid.sorensen', 'Ingrid', 'Sørensen', 'ingrid.sorensen@fernweh.example', 'Managing Director', 'Management', NULL, '1001', NULL, 'x', '2014-01-02 09:00:00', NULL),
    -- a stale title
    (3, 'ada.okafor', 'Ada', 'Okafor', 'ada.okafor@fernweh.example', 'Engineer', 'Engineering', 2, '1002', NULL, 'x', '2014-09-01 09:00:00', NULL),
    -- the wrong department and no manager
    (4, 'luis.ferreira', 'Luís', 'Ferreira', 'luis.ferreira@fernweh.example', 'Head of Support', 'Sales', NULL, '1003', NULL, 'x', '2016-01-15 09:00:00', NULL),
    -- a name without its accent
    (5, 'tomas.novak', 'Tomas', 'Novak', 'tomas.novak@fernweh.example', 'Staff Engineer', 'Engineering', 3, '1007', NULL, 'x', '2017-04-03 09:00:00', NULL),
    -- left in 2023, and still active; the account carries headcount's marker from a first trial
    (6, 'per.holm', 'Per', 'Holm', 'per.holm@fernweh.example', 'Account Manager', 'Sales', 2, '1031', 'hc:fernweh:hr/1031', 'x', '2015-02-02 09:00:00', NULL),
    -- was away for some years and is back: the account was deactivated when he left
    (7, 'omer.sahin', 'Ömer', 'Şahin', 'omer.sahin@fernweh.example', 'Working Student', 'Engineering', 3, '1035', NULL, 'x', '2016-03-01 09:00:00', '2019-09-30 18:00:00'),
    -- another Maria Silva, gone long ago: the new one must not get her account
    (8, 'maria.silva', 'Maria', 'Silva', 'maria.silva@fernweh.example', 'Intern', 'Sales', 2, '0417', NULL, 'x', '2015-06-01 09:00:00', '2015-12-31 18:00:00');

INSERT INTO teams (id, name, created_at) VALUES
    (1, 'Administrators', '2014-01-02 08:00:00'),
    (2, 'Engineering', '2014-01-02 08:00:00'),
    (3, 'Sales', '2014-01-02 08:00:00');

INSERT INTO team_members (team_id, user_id, added_at) VALUES
    (1, 1, '2014-01-02 08:00:00'),
    (2, 3, '2014-09-01 09:00:00'),
    (2, 5, '2017-04-03 09:00:00'),
    (3, 4, '2016-01-15 09:00:00'),
    (3, 6, '2015-02-02 09:00:00');
