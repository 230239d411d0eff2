-- What people changed in the intranet themselves, since headcount's last run.
UPDATE users SET department = 'Sales', manager_id = NULL WHERE login = 'luis.ferreira';
UPDATE users SET job_title = 'Sales' WHERE login = 'jurgen.weiss';
